"""What ``make demo`` runs."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType, SimpleNamespace

import imageio.v3 as iio
import numpy as np
import pytest
import tifffile

import napari_nuclei

SCRIPT = Path(__file__).parents[1] / "tools" / "demo.py"


@pytest.fixture
def demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Return the script as a module, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    spec = importlib.util.spec_from_file_location("demo", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_screen_that_qt_cannot_use_is_one_line(
    demo: ModuleType, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    demo.OUT.mkdir()
    tifffile.imwrite(demo.LABELS, np.zeros((512, 512), np.int32))
    monkeypatch.setenv("QT_QPA_PLATFORM", "nowhere")
    demo.open_window()
    said = capfd.readouterr()
    assert said.err == ""
    assert said.out.splitlines()[1:] == [
        "No window: napari could not open it (python tools/demo.py --show tells why)."
    ]


def test_an_image_without_light_is_drawn(
    demo: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    black, nothing = np.zeros((40, 50), np.uint8), np.zeros((40, 50), np.int32)
    monkeypatch.setattr(demo, "read_sample", lambda _: SimpleNamespace(image=black, labels=nothing))
    monkeypatch.setattr(napari_nuclei, "segment", lambda _: SimpleNamespace(labels=nothing))
    demo.segment_sample()
    assert "nuclei found: 0 (the mask has 0)" in capsys.readouterr().out
    assert iio.imread(demo.OVERLAY).max() > 0  # the titles
    np.testing.assert_array_equal(tifffile.imread(demo.LABELS), nothing)
