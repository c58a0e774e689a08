"""What Run of the widget Segment nuclei would do by the choices as they are, or why it cannot."""

from __future__ import annotations

from dataclasses import replace
from math import prod
from typing import TYPE_CHECKING

from napari_nuclei.model.store import is_installed
from napari_nuclei.pipeline.resources import Pace
from napari_nuclei.ui.found import source_of
from napari_nuclei.ui.large_images import is_large, result_folder
from napari_nuclei.ui.layers import planes_of
from napari_nuclei.ui.refusals import refusal
from napari_nuclei.ui.segment_run import Request
from napari_nuclei.ui.words import breakable, describe_task

if TYPE_CHECKING:
    from napari.viewer import Viewer

    from napari_nuclei.ui.axes_box import AxesBox
    from napari_nuclei.ui.planes import Planes
    from napari_nuclei.ui.segment_controls import SegmentControls


class SegmentTask:
    """Reads the choices of the widget whenever it is asked.

    Attributes
    ----------
    pace : Pace
        Of the last run, by which the next one is foretold.
    """

    def __init__(self, viewer: Viewer, controls: SegmentControls, axes: AxesBox) -> None:
        self._viewer = viewer
        self._controls = controls
        self._axes = axes
        self.pace = Pace()

    def refusal(self) -> str:
        """Return why Run cannot; empty if it can."""
        axes = self._axes
        layer = self._controls.image.layer
        reason = refusal(self._viewer, layer, axes.reading, axes.chosen_scope)
        if not reason and not is_installed(self._controls.model_name):
            return "The model is missing: choose another one, or install napari-nuclei again."
        if not reason and axes.link_axis is not None and is_large(self._planes()):
            return "Nuclei of so many planes cannot be linked: choose ids of their own."
        return reason

    def words(self) -> str:
        """Return why Run cannot, or else what it would do."""
        return self.refusal() or self.describe()

    def describe(self) -> str:
        """Return which pixels will be segmented, how long it takes, and where large results go."""
        planes = self._planes()
        options = self._controls.options()
        pace = replace(self.pace, enlargement=self._controls.enlargement(self.pace.enlargement))
        seconds = pace.seconds(planes.shape, prod(planes.counts), options)
        task = describe_task(planes, self._axes.chosen_scope, seconds)
        if is_large(planes):
            return f"{task}, block by block into {breakable(result_folder())}"
        return task

    def request(self) -> Request:
        """Return the run, with the planes as they are now."""
        image, planes = self._controls.image.layer, self._planes()
        return Request(
            image,
            planes,
            planes.snapshot(),
            self._controls.model_name,
            self._controls.options(),
            self._axes.link_axis,
            source_of(image, planes),
        )

    def _planes(self) -> Planes:
        axes = self._axes
        layer = self._controls.image.layer
        return planes_of(self._viewer, layer, axes.reading, axes.chosen_scope)
