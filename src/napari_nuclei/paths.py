"""The only module that knows where files live."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

_APP = "napari-nuclei"
_PACKAGE = Path(__file__).parent


def default_model() -> Path:
    """Return the folder of the model that ships with the package."""
    return _PACKAGE / "model" / "default"


def imagenet_encoder() -> Path:
    """Return the ImageNet encoder weights that ship with the package."""
    return _PACKAGE / "model" / "encoder" / "mobilenet_v2_imagenet.safetensors"


def bundled_samples() -> Path:
    """Return the folder of the sample images that ship with the package."""
    return _PACKAGE / "sample_data"


def user_models() -> Path:
    """Return the folder of the user's own models (``NAPARI_NUCLEI_HOME`` overrides its parent)."""
    return _home() / "models"


def large_results() -> Path:
    """Return the folder of labels of images larger than the memory, where nobody chose another."""
    return _home() / "large-images"


def training_runs() -> Path:
    """Return the folder of the trainings that were started from the widget."""
    return _home() / "runs"


def default_project() -> Path:
    """Return the project folder of the corrections of somebody who has chosen no other."""
    return _home() / "corrections"


def autosaves() -> Path:
    """Return the folder that keeps corrections until they are saved or napari is closed."""
    return _home() / "autosave"


def sample_cache() -> Path:
    """Return the folder that keeps downloaded sample images."""
    return (_override("HOME") or Path(platformdirs.user_cache_dir(_APP))) / "samples"


def local_data() -> Path | None:
    """Return the local copy of DSB2018 that ``NAPARI_NUCLEI_DATA`` points at, or None."""
    return _override("DATA")


def expanded(text: str) -> Path:
    """Return a path that a person gave, with ``~`` for the home folder, if there is such a one."""
    try:
        return Path(text).expanduser()
    except RuntimeError:  # ~ and a name that nobody has: a folder may be called so
        return Path(text)


def _home() -> Path:
    return _override("HOME") or Path(platformdirs.user_data_dir(_APP))


def _override(name: str) -> Path | None:
    value = os.environ.get(f"NAPARI_NUCLEI_{name}")
    return expanded(value) if value else None
