"""The public API: complete, typed, and free to import."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import version

import pytest

import napari_nuclei

LOADED_MODULES = """
import json
import sys
before = set(sys.modules)
import napari_nuclei
print(json.dumps(sorted(set(sys.modules) - before)))
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


def test_import_loads_nothing_but_the_standard_library() -> None:
    command = [sys.executable, "-c", LOADED_MODULES]
    loaded = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)

    assert {name.partition(".")[0] for name in loaded} - sys.stdlib_module_names == {
        "napari_nuclei"
    }
