from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from napari.settings import get_plugin_settings
from npe2 import PluginManifest

from napari_nuclei.pipeline.segment import SegmentOptions
from napari_nuclei.ui.batch_controls import BatchControls
from napari_nuclei.ui.options_form import OptionsForm
from napari_nuclei.ui.preferences import Preferences, read_preferences
from napari_nuclei.ui.train_controls import TrainControls

if TYPE_CHECKING:
    from npe2._pytest_plugin import TestPluginManager
    from pytestqt.qtbot import QtBot


@pytest.fixture
def settings(plugin_settings: None, npe2pm: TestPluginManager) -> object:
    """Return the plugin's settings, which are kept in a folder of this test."""
    if "napari-nuclei" not in npe2pm:
        npe2pm.register(PluginManifest.from_distribution("napari-nuclei"))
    return get_plugin_settings("napari-nuclei")


def test_the_defaults_are_those_of_the_program(settings: object) -> None:
    assert read_preferences() == Preferences()


def test_without_the_plugin_there_are_defaults(plugin_settings: None) -> None:
    assert read_preferences() == Preferences()


def test_widgets_open_with_what_was_preferred(
    settings: object, qtbot: QtBot, tmp_path: Path
) -> None:
    settings.segmentation.diameter_px = 22.0
    settings.segmentation.tile_px = 256
    settings.segmentation.device = "cpu"
    settings.segmentation.model = "gone"
    settings.batch.image_folder = str(tmp_path)
    form, batch = OptionsForm(), BatchControls()
    for widget in (form, batch):
        qtbot.addWidget(widget)
        assert widget.options() == SegmentOptions(tile_px=256, diameter_px=22.0, device="cpu")
        assert widget.model_name is None
    assert batch.images.path == tmp_path
    settings.training.project_folder = str(tmp_path / "project")
    controls = TrainControls()
    qtbot.addWidget(controls)
    assert controls.project.path == tmp_path / "project"
    assert batch.results.path is None
