"""What napari is told about the plugin."""

from __future__ import annotations

import pytest
from npe2 import PluginManifest

from napari_nuclei.model.device import DEVICES
from napari_nuclei.pipeline.samples import list_samples
from napari_nuclei.pipeline.segment import SegmentOptions
from napari_nuclei.ui.preferences import Preferences


@pytest.fixture(scope="module")
def manifest() -> PluginManifest:
    return PluginManifest.from_distribution("napari-nuclei")


def test_commands_can_be_imported(manifest: PluginManifest) -> None:
    manifest.validate_imports()


def test_every_sample_is_offered_under_its_title(manifest: PluginManifest) -> None:
    offered = {sample.key: sample.display_name for sample in manifest.contributions.sample_data}
    titles = {s.key: s.title + ("" if s.bundled else " (download)") for s in list_samples()}
    assert offered == titles


@pytest.mark.parametrize(
    ("command", "name", "title", "menus"),
    [
        ("segment", "Segment nuclei", "Segment nuclei in the active image", {"segment", "measure"}),
        (
            "correct",
            "Correct and train",
            "Correct nuclei and train a model on them",
            {"segment", "annotate"},
        ),
        ("batch", "Batch", "Segment a folder of images", {"segment"}),
    ],
)
def test_widgets_are_in_the_layers_menu_and_the_command_palette(
    command: str, name: str, title: str, menus: set[str], manifest: PluginManifest
) -> None:
    contributions = manifest.contributions
    identifier = f"napari-nuclei.{command}"
    assert {w.command: w.display_name for w in contributions.widgets}[identifier] == name
    assert {c.id: c.title for c in contributions.commands}[identifier] == title
    found = {
        m for m, items in contributions.menus.items() for i in items if i.command == identifier
    }
    assert found == {f"napari/layers/{menu}" for menu in menus}


def test_the_page_of_preferences_has_the_defaults_of_the_code(manifest: PluginManifest) -> None:
    pages = manifest.contributions.configurations
    defaults = {
        name: prop.default for page in pages.values() for name, prop in page.properties.items()
    }
    assert Preferences(**defaults) == Preferences()
    choices = pages["segmentation"].properties["device"].enum
    assert choices == list(DEVICES)
    assert Preferences().device == SegmentOptions().device
    assert Preferences().tile_px == SegmentOptions().tile_px
