"""What a person does first: open the sample, press Run, with the shipped model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_nuclei import segment
from napari_nuclei.core.metrics import score

if TYPE_CHECKING:
    from napari.viewer import Viewer
    from pytestqt.qtbot import QtBot


def test_sample_is_segmented_as_in_python(viewer: Viewer, qtbot: QtBot) -> None:
    image, truth = viewer.open_sample("napari-nuclei", "dsb2018")
    _, widget = viewer.window.add_plugin_dock_widget("napari-nuclei", "Segment nuclei")
    with qtbot.waitSignal(widget.job.succeeded, timeout=100_000):
        widget.panel.button.click()
    nuclei = viewer.layers["Fluorescence nuclei"]
    assert score(truth.data, nuclei.data).ap50 >= 0.8
    assert (nuclei.data == segment(image.data).labels).all()
