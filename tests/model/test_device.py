"""The name of what the network runs on."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from napari_nuclei.model import device

if TYPE_CHECKING:
    import pytest


def test_processor_is_named_as_linux_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "cpuinfo"
    file.write_text("processor\t: 0\nmodel name\t: Fast CPU @ 3 GHz\nmodel name\t: Fast\n")
    monkeypatch.setattr(device, "_LINUX_PROCESSOR", file)
    monkeypatch.setattr(device, "_gpu_name", lambda: "")
    assert device.device_name() == "Fast CPU @ 3 GHz (CPU)"


def test_other_systems_name_something(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "_LINUX_PROCESSOR", tmp_path / "nowhere")
    monkeypatch.setattr(device, "_gpu_name", lambda: "")
    assert device.device_name().endswith(" (CPU)")


def test_graphics_card_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    import keras  # noqa: F401  (only then is it looked for)

    monkeypatch.setattr(device, "_gpu_name", lambda: "Great Card")
    assert device.device_name() == "Great Card (GPU)"


def test_network_library_is_asked_for_its_devices() -> None:
    import keras

    assert bool(device._gpu_name()) == bool(keras.distribution.list_devices("gpu"))


def test_network_library_is_not_loaded_for_it() -> None:
    code = "import sys; from napari_nuclei.model.device import device_name; device_name()"
    check = "; print({'keras', 'tensorflow'} & set(sys.modules))"
    result = subprocess.run([sys.executable, "-c", code + check], capture_output=True, check=True)
    assert result.stdout.decode().strip() == "set()"
