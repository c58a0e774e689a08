"""Thresholds that can be moved after a run: the labels follow without running the network."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtCore import QObject, QTimer, Signal

from napari_nuclei.pipeline.prediction import Progress
from napari_nuclei.pipeline.segment import relabel
from napari_nuclei.ui.jobs import Job
from napari_nuclei.ui.layers import Plane, add_nuclei, recipe_metadata

if TYPE_CHECKING:
    from napari.layers import Image, Labels
    from napari.viewer import Viewer

    from napari_nuclei.model.store import Model
    from napari_nuclei.pipeline.segment import Segmentation, SegmentOptions

_WAIT_MS = 150


@dataclass(frozen=True)
class Result:
    """What a run with `options` made: maps and labels in `segmentation`, the labels in `layer`."""

    image: Image
    plane: Plane
    model: Model
    options: SegmentOptions
    segmentation: Segmentation
    layer: Labels


class LiveThresholds(QObject):
    """Labels the last result again, a moment after `request`.

    The layer of the result is changed only as long as nobody else has: from the first stroke of
    the brush on, new labels go to a new layer.
    """

    relabelled = Signal(object)
    failed = Signal(object)

    def __init__(self, viewer: Viewer, parent: QObject) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._result: Result | None = None
        self._options: SegmentOptions | None = None
        self._touched = False
        self._job = Job(self)
        self._job.succeeded.connect(self._on_succeeded)
        self._job.failed.connect(self.failed)
        self._timer = QTimer(self, singleShot=True, interval=_WAIT_MS)
        self._timer.timeout.connect(self._start)

    @property
    def result(self) -> Result | None:
        """The last result whose layer is still in the viewer."""
        if self._result is not None and self._result.layer not in self._viewer.layers:
            self.forget()
        return self._result

    def follow(self, result: Result) -> None:
        """Let `result` be the one that `request` labels again."""
        self.forget()
        self._result = result
        result.layer.events.paint.connect(self._on_paint)

    def forget(self) -> None:
        """Drop the last result and its maps; labels that are on their way are dropped too."""
        self._timer.stop()
        self._job.cancel()
        if self._result is not None:
            self._result.layer.events.paint.disconnect(self._on_paint)
        self._result = None
        self._touched = False

    def request(self, image: Image, options: SegmentOptions) -> None:
        """Label the result with `options` soon, if it is one of `image`."""
        if self.result is not None and self.result.image == image:
            self._options = options
            self._timer.start()

    def _start(self) -> None:
        if self._job.running:
            self._timer.start()
        elif self.result is not None and self._options is not None:
            self._job.start(_relabel(self.result, self._options))

    def _on_succeeded(self, segmentation: Segmentation) -> None:
        result = self.result
        if result is None:
            return
        if self._touched or not np.array_equal(result.layer.data, result.segmentation.labels):
            layer = add_nuclei(self._viewer, result.plane, segmentation)
        else:
            layer = result.layer
            layer.data = segmentation.labels.copy()
            layer.features = segmentation.table
            layer.metadata = recipe_metadata(result.plane, segmentation)
        self.follow(replace(result, segmentation=segmentation, layer=layer))
        self.relabelled.emit(segmentation)

    def _on_paint(self) -> None:
        self._touched = True


def _relabel(result: Result, options: SegmentOptions) -> Generator[Progress, None, Segmentation]:
    # The diameter made the maps: another one in the widget has no effect before the next run.
    options = replace(options, diameter_px=result.options.diameter_px)
    yield Progress(0, 0)
    return relabel(result.segmentation, options, result.model)
