"""The plugin's page in napari's Preferences, read here only; widgets ask when they open."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from napari.settings import get_plugin_settings

from napari_nuclei import paths

if TYPE_CHECKING:
    from napari_nuclei.model.device import Device

_PLUGIN = "napari-nuclei"


@dataclass(frozen=True)
class Preferences:
    """What a widget shows at first.

    Attributes
    ----------
    model : str
        Name of a model; empty or unknown: the one that ships.
    diameter_px : float
        Typical diameter of nuclei; 0 estimates it from each image.
    tile_px : int
        Side of the tiles that the network sees.
    device : "auto" or "cpu"
        What it runs on: a graphics card where there is one, or the processor in any case.
    large_folder : str
        Where labels of images larger than the memory go; empty: into the user's data folder.
    image_folder, result_folder : str
        Of the Batch widget; may be empty.
    project_folder : str
        Where corrections are kept; empty: in the user's data folder.
    """

    model: str = ""
    diameter_px: float = 0.0
    tile_px: int = 128
    device: Device = "auto"
    large_folder: str = ""
    image_folder: str = ""
    result_folder: str = ""
    project_folder: str = ""


def read_preferences() -> Preferences:
    """Return the preferences as they are now."""
    try:
        settings = get_plugin_settings(_PLUGIN)
    except KeyError:
        # The plugin was disabled, and a widget is used from a script.
        return Preferences()
    pages = (settings.segmentation, settings.batch, settings.training)
    return Preferences(**{name: value for page in pages for name, value in page})


def remember_project(folder: Path) -> None:
    """Let the widget open with this project folder from now on, also in the next session."""
    is_default = folder == paths.default_project()
    # Without the plugin there is nowhere to keep it.
    with suppress(KeyError):
        page = get_plugin_settings(_PLUGIN).training
        value = "" if is_default else str(folder)
        if page.project_folder != value:
            page.project_folder = value
