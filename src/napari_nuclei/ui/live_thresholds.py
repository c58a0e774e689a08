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
    """What `options` made: maps and labels in `segmentation`, the labels in `layer`.

    `model_name` is the model's name as it was chosen, None for the default one.
    """

    image: Image
    plane: Plane
    model_name: str | None
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
        self._set_result(result)

    def forget(self) -> None:
        """Drop the last result and its maps; labels that are on their way are dropped too."""
        self._timer.stop()
        self._job.cancel()
        self._set_result(None)

    def request(self, image: Image, model_name: str | None, options: SegmentOptions) -> None:
        """Label the result with `options` soon, if that model made it from `image`."""
        result = self.result
        if result is not None and (result.image, result.model_name) == (image, model_name):
            self._options = replace(options, diameter_px=result.options.diameter_px)
            self._timer.start()

    def _set_result(self, result: Result | None) -> None:
        if self._result is not None:
            self._result.layer.events.paint.disconnect(self._on_paint)
        if result is not None:
            result.layer.events.paint.connect(self._on_paint)
        self._result = result
        self._touched = False

    def _start(self) -> None:
        result, options = self.result, self._options
        if self._job.running:
            self._timer.start()
        elif result is not None and options is not None and options != result.options:
            self._job.start(_relabel(result, options))

    def _on_succeeded(self, new: Result) -> None:
        old = self.result
        if old is None or old.layer is not new.layer:
            return
        segmentation = new.segmentation
        if self._touched or not np.array_equal(old.layer.data, old.segmentation.labels):
            new = replace(new, layer=add_nuclei(self._viewer, new.plane, segmentation))
        else:
            new.layer.data = segmentation.labels.copy()
            new.layer.features = segmentation.table
            new.layer.metadata = recipe_metadata(new.plane, segmentation)
        # Not `follow`: it would drop a request that came meanwhile.
        self._set_result(new)
        self.relabelled.emit(segmentation)

    def _on_paint(self) -> None:
        self._touched = True


def _relabel(result: Result, options: SegmentOptions) -> Generator[Progress, None, Result]:
    yield Progress(0, 0)
    segmentation = relabel(result.segmentation, options, result.model)
    return replace(result, options=options, segmentation=segmentation)
