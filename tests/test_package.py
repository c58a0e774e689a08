"""The public API: complete, typed, and free to import."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version

import pytest

import napari_nuclei

# Measured inside the child, so that the interpreter's own start does not count.
IMPORT_TIME = """
import time
start = time.perf_counter()
import napari_nuclei
print(time.perf_counter() - start)
"""


@pytest.mark.parametrize("name", napari_nuclei.__all__)
def test_every_public_name_resolves_and_is_listed(name: str) -> None:
    value = getattr(napari_nuclei, name)
    assert value is getattr(napari_nuclei, name)
    assert name in dir(napari_nuclei)
    assert name == "__version__" or value.__name__ == name


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'sgment'"):
        _ = napari_nuclei.sgment  # type: ignore[attr-defined]


def test_version_is_that_of_the_distribution() -> None:
    assert napari_nuclei.__version__ == version("napari-nuclei")


def test_import_is_cheap() -> None:
    # The best of five: what a busy machine adds is not the import's.
    assert min(import_seconds() for _ in range(5)) < 0.1


def import_seconds() -> float:
    command = [sys.executable, "-c", IMPORT_TIME]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
