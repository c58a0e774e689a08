"""What napari is told about the plugin."""

from __future__ import annotations

import pytest
from npe2 import PluginManifest

from napari_nuclei.pipeline.samples import list_samples


@pytest.fixture(scope="module")
def manifest() -> PluginManifest:
    return PluginManifest.from_distribution("napari-nuclei")


def test_commands_can_be_imported(manifest: PluginManifest) -> None:
    manifest.validate_imports()


def test_every_sample_is_offered_under_its_title(manifest: PluginManifest) -> None:
    offered = {sample.key: sample.display_name for sample in manifest.contributions.sample_data}
    titles = {s.key: s.title + ("" if s.bundled else " (download)") for s in list_samples()}
    assert offered == titles


def test_segment_is_in_the_layers_menu_and_the_command_palette(manifest: PluginManifest) -> None:
    (item,) = manifest.contributions.menus["napari/layers/segment"]
    (widget,) = manifest.contributions.widgets
    assert item.command == widget.command == "napari-nuclei.segment"
    assert widget.display_name == "Segment nuclei"
    titles = {command.id: command.title for command in manifest.contributions.commands}
    assert titles[item.command] == "Segment nuclei in the active image"
