"""Tables that follow the brush: labels are measured again a moment after they were painted."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING
from zlib import crc32

import numpy as np
from qtpy.QtCore import QObject, QTimer, Signal

from napari_nuclei.errors import InputError
from napari_nuclei.pipeline.prediction import Progress
from napari_nuclei.ui.jobs import Job
from napari_nuclei.ui.undoable import ShownPoint

if TYPE_CHECKING:
    from napari.layers import Labels
    from napari.utils.events import Event
    from pandas import DataFrame

    from napari_nuclei.core.measure import Table
    from napari_nuclei.pipeline.planes import Index
    from napari_nuclei.ui.found import Found

# After a stroke, while more of them may come.
_WAIT_MS = 300


@dataclass(frozen=True)
class _Plane:
    """The table of a plane, in pixels, and what its labels were."""

    checksum: int
    table: Table


@dataclass(frozen=True)
class _Measured:
    """The planes of a layer, and the table of all of them."""

    found: Found
    planes: dict[Index, _Plane]
    table: Table


class Recount(QObject):
    """Keeps the features of layers true; their labels it only reads.

    Columns that others add stay with their nuclei; `extended` tells of a layer that has some.
    `measured` tells of a layer whose features are new.
    """

    measured = Signal(object)
    extended = Signal(object)
    failed = Signal(object)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._watched: dict[Labels, Found] = {}
        self._shown: dict[Labels, ShownPoint] = {}
        self._waiting: dict[Labels, None] = {}
        self._known: dict[Labels, _Measured] = {}
        self._columns: dict[Labels, set[str]] = {}
        self._measuring: Labels | None = None
        self._is_mine = False
        self._job = Job(self)
        self._job.succeeded.connect(self._on_succeeded)
        self._job.failed.connect(self._on_failed)
        self._job.ended.connect(self._on_ended)
        self._timer = QTimer(self, singleShot=True)
        self._timer.timeout.connect(self._start)

    def watch(self, found: Found) -> None:
        """Measure a layer now and whenever its labels change; its features are ours so far."""
        layer = found.layer
        is_new = layer not in self._watched
        if is_new:
            # Undo is no painting for napari, but shows in what is drawn.
            for emitter in (layer.events.paint, layer.events.set_data, layer.events.data):
                emitter.connect(self._on_labels)
            layer.events.features.connect(self._on_features)
        self._watched[layer] = found
        self._shown[layer] = ShownPoint(layer)
        self._columns[layer] = set(layer.features)
        self._known.pop(layer, None)
        self._request(layer, 0 if is_new else _WAIT_MS)

    def unwatch(self, layer: Labels) -> None:
        """Leave a layer alone."""
        if self._watched.pop(layer, None) is not None:
            for emitter in (layer.events.paint, layer.events.set_data, layer.events.data):
                emitter.disconnect(self._on_labels)
            layer.events.features.disconnect(self._on_features)
        for facts in (self._shown, self._waiting, self._known, self._columns):
            facts.pop(layer, None)

    def stop(self) -> None:
        """Leave all layers alone."""
        self._timer.stop()
        self._job.cancel()
        for layer in tuple(self._watched):
            self.unwatch(layer)

    @property
    def idle(self) -> bool:
        """Whether all features are true."""
        return not (self._waiting or self._job.running)

    def _on_labels(self, event: Event) -> None:
        layer = event.source
        if event.type != "set_data" or not self._shown[layer].has_moved(layer):
            self._request(layer)

    def _on_features(self, event: Event) -> None:
        """Somebody else has set them: with more columns perhaps, or without ours."""
        if self._is_mine:
            return
        layer = event.source
        known = self._known.get(layer)
        if known is None or not _has_table(layer.features, known.table):
            self._request(layer)
        if set(layer.features) - self._columns[layer]:
            self.extended.emit(layer)

    def _request(self, layer: Labels, wait_ms: int = _WAIT_MS) -> None:
        self._waiting[layer] = None
        self._timer.start(wait_ms)

    def _start(self) -> None:
        if self._waiting and not self._job.running:
            layer = self._measuring = next(iter(self._waiting))
            del self._waiting[layer]
            self._job.start(_measure_steps(self._watched[layer], self._known.get(layer)))

    def _on_succeeded(self, new: _Measured) -> None:
        layer = new.found.layer
        if self._watched.get(layer) is not new.found:
            return
        self._known[layer] = new
        self._columns[layer] |= set(new.table)
        if not _has_table(layer.features, new.table):
            self._is_mine = True
            layer.features = _merged(new.table, layer.features, self._columns[layer])
            self._is_mine = False
            self.measured.emit(new.found)

    def _on_failed(self, error: Exception) -> None:
        if isinstance(error, InputError) and self._measuring is not None:
            # It would fail again with each stroke.
            self.unwatch(self._measuring)
        self.failed.emit(error)

    def _on_ended(self) -> None:
        if self._waiting:
            self._timer.start(_WAIT_MS)


def _measure_steps(found: Found, before: _Measured | None) -> Generator[Progress, None, _Measured]:
    """Measure the planes whose labels have changed: of a lazy image, no other is read."""
    yield Progress(0, 0)
    known = {} if before is None else before.planes
    labels = found.labels()
    planes: dict[Index, _Plane] = {}
    for index in np.ndindex(found.planes.counts):
        # A copy: somebody may be painting, and both figures must be of the same labels.
        plane = np.array(labels[index], order="C")
        checksum = crc32(plane.data)
        if index in known and known[index].checksum == checksum:
            planes[index] = known[index]
        else:
            planes[index] = _Plane(checksum, found.measured_plane(index, plane))
        yield Progress(0, 0)
    table = found.joined({index: plane.table for index, plane in planes.items()})
    return _Measured(found, planes, table)


def _has_table(features: DataFrame, table: Table) -> bool:
    """Tell whether features are those of a table, with other columns perhaps."""
    # A third of a second that opening the widget need not wait for; the features have loaded it.
    from pandas import DataFrame

    return set(table) <= set(features) and features[list(table)].equals(DataFrame(table))


def _merged(table: Table, features: DataFrame, columns: set[str]) -> DataFrame:
    """Return a table with what others than our `columns` the features had of the same nuclei."""
    from pandas import DataFrame

    others = [name for name in features if name not in columns]
    if "index" not in features:
        # napari then takes the first row for label 0, and so on.
        features = features.assign(index=features.index)
    theirs = features[["index", *others]].drop_duplicates("index")
    return DataFrame(table).merge(theirs, on="index", how="left")
