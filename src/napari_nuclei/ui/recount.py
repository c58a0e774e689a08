"""Tables that follow the brush: labels are measured again a moment after they were painted."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from zlib import crc32

import numpy as np
from qtpy.QtCore import QObject, QTimer, Signal

from napari_nuclei.pipeline.prediction import Progress
from napari_nuclei.ui.jobs import Job

if TYPE_CHECKING:
    from napari.layers import Labels
    from napari.utils.events import Event

    from napari_nuclei.core.measure import Table
    from napari_nuclei.ui.found import Found

_WAIT_MS = 300


@dataclass(frozen=True)
class _Measured:
    """A table, and what the labels were; no table where they were as before."""

    found: Found
    checksum: int
    table: Table | None


class Recount(QObject):
    """Keeps the features of layers true; their labels it only reads.

    `measured` tells of a layer whose features are new.
    """

    measured = Signal(object)
    failed = Signal(object)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._watched: dict[Labels, Found] = {}
        self._waiting: dict[Labels, None] = {}
        self._checksums: dict[Labels, int] = {}
        self._is_mine = False
        self._job = Job(self)
        self._job.succeeded.connect(self._on_succeeded)
        self._job.failed.connect(self.failed)
        self._job.ended.connect(self._on_ended)
        self._timer = QTimer(self, singleShot=True, interval=_WAIT_MS)
        self._timer.timeout.connect(self._start)

    def watch(self, found: Found) -> None:
        """Measure a layer now and whenever its labels change."""
        layer = found.layer
        if layer not in self._watched:
            # Undo is no painting for napari, but shows in what is drawn.
            for emitter in (layer.events.paint, layer.events.set_data, layer.events.data):
                emitter.connect(self._on_labels)
            layer.events.features.connect(self._on_features)
        self._watched[layer] = found
        self._checksums.pop(layer, None)
        self._request(layer)

    def unwatch(self, layer: Labels) -> None:
        """Leave a layer alone."""
        if self._watched.pop(layer, None) is not None:
            for emitter in (layer.events.paint, layer.events.set_data, layer.events.data):
                emitter.disconnect(self._on_labels)
            layer.events.features.disconnect(self._on_features)
        self._waiting.pop(layer, None)
        self._checksums.pop(layer, None)

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
        self._request(event.source)

    def _on_features(self, event: Event) -> None:
        """Somebody else has set them: those of other labels, or with fewer columns."""
        if not self._is_mine:
            self._checksums.pop(event.source, None)
            self._request(event.source)

    def _request(self, layer: Labels) -> None:
        self._waiting[layer] = None
        self._timer.start()

    def _start(self) -> None:
        if self._waiting and not self._job.running:
            layer = next(iter(self._waiting))
            del self._waiting[layer]
            self._job.start(_measure_steps(self._watched[layer], self._checksums.get(layer)))

    def _on_succeeded(self, new: _Measured) -> None:
        layer = new.found.layer
        if new.table is None or self._watched.get(layer) is not new.found:
            return
        self._checksums[layer] = new.checksum
        self._is_mine = True
        layer.features = new.table
        self._is_mine = False
        self.measured.emit(new.found)

    def _on_ended(self) -> None:
        if self._waiting:
            self._timer.start()


def _measure_steps(found: Found, before: int | None) -> Generator[Progress, None, _Measured]:
    yield Progress(0, 0)
    checksum = _checksum(found.layer.data)
    yield Progress(0, 0)
    table = None if checksum == before else found.measured()
    return _Measured(found, checksum, table)


def _checksum(labels: Any) -> int:
    """Return a number that changes with the labels: much faster than to measure them."""
    checksum = 0
    for plane in labels.reshape(-1, *labels.shape[-2:]):
        checksum = crc32(np.ascontiguousarray(plane).data, checksum)
    return checksum
