"""The wheel as a user gets it: built, installed in a fresh environment, its sample opened."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from collections.abc import Sequence
from email import message_from_bytes
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MAX_BYTES = 20_000_000

OPEN_SAMPLE = """
import json, napari_nuclei
from npe2 import PluginManager

manager = PluginManager.instance()
manager.discover()
(samples,) = [s for name, s in manager.iter_sample_data() if name == "napari-nuclei"]
(sample,) = [s for s in samples if s.key == "dsb2018"]
layers = [(kind, data.shape, int(data.max())) for data, _, kind in sample.open()]
print(json.dumps({"module": napari_nuclei.__file__, "layers": layers}))
"""


def run(command: Sequence[str | Path], cwd: Path) -> str:
    environment = {k: v for k, v in os.environ.items() if k not in {"PYTHONPATH", "PYTHONHOME"}}
    result = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("dist")
    # Without isolation: the build backend is in the environment and nothing is downloaded.
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", out, ROOT]
    run(build, cwd=out)
    (wheel,) = out.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def names(wheel: Path) -> list[str]:
    with zipfile.ZipFile(wheel) as archive:
        return archive.namelist()


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the Python of an environment with the wheel, and beside it our dependencies."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False)
    paths = sysconfig.get_paths("venv", vars={"base": str(folder), "platbase": str(folder)})
    python = Path(shutil.which("python", path=paths["scripts"]) or "")
    pip = [sys.executable, "-m", "pip", "--python", python, "install"]
    run([*pip, "--quiet", "--no-index", "--no-deps", wheel], cwd=folder)
    # Behind the wheel on the path; .pth files in there, our own source tree's too, do not count.
    Path(paths["purelib"], "dependencies.pth").write_text(sysconfig.get_paths()["purelib"])
    return python


def test_wheel_is_small_enough_to_download(wheel: Path) -> None:
    assert wheel.stat().st_size <= MAX_BYTES


@pytest.mark.parametrize(
    "name",
    [
        "napari.yaml",
        "py.typed",
        "model/default/manifest.json",
        "model/default/weights.safetensors",
        "model/encoder/NOTICE.md",
        "model/encoder/mobilenet_v2_imagenet.safetensors",
        "sample_data/index.json",
        "sample_data/images/dsb2018.tif",
        "sample_data/labels/dsb2018.tif",
    ],
)
def test_wheel_carries_its_data(names: list[str], name: str) -> None:
    assert f"napari_nuclei/{name}" in names


def test_wheel_carries_nothing_else(names: list[str]) -> None:
    assert {name.split("/")[0].split("-")[0] for name in names} == {"napari_nuclei"}
    folders = {part for name in names for part in Path(name).parts[:-1]}
    assert folders & {"tests", "shared", "tools", "benchmarks", "docs", "__pycache__"} == set()


def test_wheel_metadata(wheel: Path, names: list[str]) -> None:
    (path,) = [name for name in names if name.endswith(".dist-info/METADATA")]
    with zipfile.ZipFile(wheel) as archive:
        metadata = message_from_bytes(archive.read(path))
    assert metadata["License-Expression"] == "MIT"
    notice = "src/napari_nuclei/model/encoder/NOTICE.md"
    assert metadata.get_all("License-File") == ["LICENSE", notice]
    assert "Framework :: napari" in metadata.get_all("Classifier")
    required = [r for r in metadata.get_all("Requires-Dist") if "extra ==" not in r]
    assert not [r for r in required if r.lower().startswith(("pyqt5", "pyqt6", "pyside"))]


def test_installed_wheel_opens_its_sample(installed: Path, tmp_path: Path) -> None:
    answer = json.loads(run([installed, "-c", OPEN_SAMPLE], cwd=tmp_path).splitlines()[-1])
    assert Path(answer["module"]).is_relative_to(installed.parents[1])
    assert answer["layers"] == [["image", [512, 512], 235], ["labels", [512, 512], 183]]


def test_installed_wheel_has_its_command(installed: Path, tmp_path: Path) -> None:
    command = installed.with_name("napari-nuclei")
    assert run([command, "--help"], cwd=tmp_path).startswith("usage: napari-nuclei")
