"""Thresholds that can be moved after a run: the labels follow without running the network."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QObject, QTimer, Signal

from napari_nuclei.pipeline.prediction import Progress
from napari_nuclei.pipeline.segment import relabel
from napari_nuclei.pipeline.stack import StackSegmentation, relabel_planes_steps
from napari_nuclei.ui.jobs import Job
from napari_nuclei.ui.kept_maps import note_maps
from napari_nuclei.ui.layers import add_nuclei, recipe_metadata

if TYPE_CHECKING:
    from napari.layers import Image, Labels
    from napari.viewer import Viewer

    from napari_nuclei.model.store import Model
    from napari_nuclei.pipeline.segment import Segmentation, SegmentOptions
    from napari_nuclei.ui.planes import Planes

_WAIT_MS = 150


@dataclass(frozen=True)
class Result:
    """What `options` made: maps and labels in `segmentation`, the labels in `layer`.

    `model_name` is the model's name as it was chosen, None for the default one. `probability` is
    a copy: a view would keep all maps alive as long as anybody shows it. None: no maps were kept.
    """

    image: Image
    planes: Planes
    model_name: str | None
    model: Model
    options: SegmentOptions
    segmentation: Segmentation | StackSegmentation
    layer: Labels
    probability: NDArray[np.float32] | None

    @property
    def has_maps(self) -> bool:
        """Whether other thresholds can be applied without the network."""
        return self.segmentation.maps is not None

    def is_of(self, image: Image, planes: Planes) -> bool:
        """Tell whether this was found in the same part of the same image."""
        parts = [(one.place, one.region.rows, one.region.columns) for one in (self.planes, planes)]
        return self.image is image and parts[0] == parts[1]


@dataclass(frozen=True)
class _Relabelled:
    """A result with other labels, still to be shown.

    `labels` is a copy for the layer; `is_untouched` tells whether the layer shows the labels as
    they were before.
    """

    result: Result
    labels: NDArray[np.int32]
    is_untouched: bool


class LiveThresholds(QObject):
    """Labels the last result again, a moment after `request`.

    The layer of the result is changed only as long as nobody else has: from the first stroke of
    the brush on, new labels go to a new layer. `outdated` tells that labels are wanted for which
    the network has to run again, as the maps were too large to be kept.
    """

    relabelled = Signal(object)
    outdated = Signal()
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
        viewer.layers.events.removed.connect(self._on_removed)

    @property
    def result(self) -> Result | None:
        """The last result whose layer is still in the viewer."""
        return self._result

    def follow(self, result: Result) -> None:
        """Let `result` be the one that `request` labels again."""
        self.forget()
        self._set_result(result)

    def stop(self) -> None:
        """Drop labels that are on their way; the last result can still be labelled again."""
        self._timer.stop()
        self._job.cancel()

    def forget(self) -> None:
        """Drop the last result and its maps, too."""
        self.stop()
        self._set_result(None)

    def leave(self, layer: Labels) -> None:
        """Leave a layer as it is from now on: somebody keeps things there for these nuclei."""
        if self._result is not None and self._result.layer is layer:
            self._touched = True

    def rename_model(self, old: str, new: str) -> None:
        """Know the model of the result by its new name."""
        if self._result is not None and self._result.model_name == old:
            self._result = replace(self._result, model_name=new)

    def request(self, image: Image, model_name: str | None, options: SegmentOptions) -> None:
        """Label the result with `options` soon, if that model made it from `image`."""
        result = self.result
        if result is None or (result.image, result.model_name) != (image, model_name):
            return
        self._options = replace(options, diameter_px=result.options.diameter_px)
        if result.has_maps:
            self._timer.start()
        elif self._options != result.options:
            self.outdated.emit()

    def _set_result(self, result: Result | None) -> None:
        if self._result is not None:
            self._result.layer.events.labels_update.disconnect(self._on_paint)
            self._result.layer.events.paint.disconnect(self._on_paint)
        if result is not None:
            # Painting is told of when a stroke ends; this, while it is drawn.
            result.layer.events.labels_update.connect(self._on_paint)
            result.layer.events.paint.connect(self._on_paint)
            note_maps(result.layer, result.segmentation)
        self._result = result
        self._touched = False

    def _start(self) -> None:
        result, options = self.result, self._options
        if self._job.running:
            self._timer.start()
        elif result is not None and options is not None and options != result.options:
            self._job.start(_relabel(result, options))

    def _on_succeeded(self, made: _Relabelled) -> None:
        old = self.result
        if old is None or old.layer is not made.result.layer:
            return
        # The model may have been renamed meanwhile.
        new = replace(made.result, model_name=old.model_name)
        if made.is_untouched and not self._touched:
            new.layer.data = new.planes.as_layer_data(made.labels)
            new.layer.features = new.segmentation.table
            # Others may keep things there, too.
            recipe = recipe_metadata(new.planes, new.segmentation)
            new.layer.metadata = new.layer.metadata | recipe
        else:
            layer = add_nuclei(self._viewer, new.planes, new.segmentation, made.labels)
            new = replace(new, layer=layer)
        # Not `follow`: it would drop a request that came meanwhile.
        self._set_result(new)
        self.relabelled.emit(new)

    def _on_paint(self) -> None:
        self._touched = True

    def _on_removed(self) -> None:
        if self._result is not None and self._result.layer not in self._viewer.layers:
            self.forget()


def _relabel(result: Result, options: SegmentOptions) -> Generator[Progress, None, _Relabelled]:
    yield Progress(0, 0)
    before = result.segmentation
    if isinstance(before, StackSegmentation):
        steps = relabel_planes_steps(before, options, result.model)
        after: Segmentation | StackSegmentation = yield from steps
    else:
        after = relabel(before, options, result.model)
    # Comparing and copying a stack takes time, too.
    shown = result.planes.as_layer_data(before.labels)
    is_untouched = np.array_equal(result.layer.data, shown)
    new = replace(result, options=options, segmentation=after)
    return _Relabelled(new, after.labels.copy(), is_untouched)
