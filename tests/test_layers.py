"""Importing a layer loads only what that layer may know, seen from a fresh interpreter."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import napari_nuclei

PACKAGE = Path(napari_nuclei.__file__).parent
NETWORK = {"keras", "tensorflow", "torch", "jax", "onnx", "onnxruntime"}
SCREEN = {"napari", "qtpy", "superqt", "magicgui", "pyqtgraph", "PyQt5", "PyQt6", "PySide6"}
FILES = {"imageio.v3", "matplotlib", "platformdirs", "pooch", "safetensors", "tifffile"}

LIST_MODULES = """
import importlib, json, sys
for name in sys.argv[1:]:
    importlib.import_module(name)
print(json.dumps(sorted(sys.modules)))
"""


def modules_of(layer: str) -> list[str]:
    """Return the names of all modules of the package at or below `layer`."""
    files = [PACKAGE / f"{layer}.py", *PACKAGE.glob(f"{layer}/**/*.py")]
    found = [path.relative_to(PACKAGE.parent).with_suffix("") for path in files if path.exists()]
    return [".".join(path.parts).removesuffix(".__init__") for path in found]


def loaded_by(*names: str) -> set[str]:
    command = [sys.executable, "-c", LIST_MODULES, *names]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    return set(json.loads(result.stdout))


@pytest.mark.parametrize(
    ("layer", "unwanted"),
    [
        ("errors", NETWORK | SCREEN | FILES | {"numpy"}),
        ("files", NETWORK | SCREEN | FILES | {"numpy"}),
        ("paths", NETWORK | SCREEN | {"numpy"}),
        ("core", NETWORK | SCREEN | {"matplotlib", "platformdirs", "pooch", "safetensors"}),
        ("model", NETWORK | SCREEN),
        ("pipeline", NETWORK | SCREEN | {"distributed", "zarr"}),
        ("cli", NETWORK | SCREEN),
        ("ui", NETWORK),
    ],
)
def test_importing_a_layer_loads_nothing_it_may_not_know(layer: str, unwanted: set[str]) -> None:
    modules = modules_of(layer)
    assert modules, f"there is no layer {layer}"
    loaded = loaded_by(*modules)
    assert set(modules) <= loaded
    assert loaded & unwanted == set()
