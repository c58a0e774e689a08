"""The order in which the nuclei of a layer are shown to be checked, least certain first."""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QObject, QTimer, Signal

from napari_nuclei.core.doubt import certainty, least_certain_first
from napari_nuclei.core.measure import measure
from napari_nuclei.pipeline.prediction import Progress
from napari_nuclei.ui.corrections import corrections_of
from napari_nuclei.ui.jobs import Job
from napari_nuclei.ui.kept_maps import maps_of

if TYPE_CHECKING:
    from napari.layers import Labels

    from napari_nuclei.core.measure import Table

_WAIT_MS = 100
_COLUMNS = {"index", "mean_probability"}


@dataclass(frozen=True)
class _Ranking:
    labels: NDArray[np.integer]
    order: tuple[int, ...]
    typical_px: float


class CheckQueue(QObject):
    """The nuclei of one layer; `ranked` tells that their order is known, `moved` of `current`.

    Attributes
    ----------
    order : tuple of int or None
        Their ids, the least certain one first; None as long as that is not known.
    current : int
        The id of the one that is looked at; 0: none.
    typical_px : float
        About how large a nucleus is.
    """

    ranked = Signal()
    moved = Signal()

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.order: tuple[int, ...] | None = None
        self.current = 0
        self.typical_px = 0.0
        self._position = -1
        self._layer: Labels | None = None
        self._job = Job(self)
        self._job.succeeded.connect(self._on_ranked)
        # New labels come before their features, and a cancelled job has to end.
        self._timer = QTimer(self, singleShot=True, interval=_WAIT_MS)
        self._timer.timeout.connect(self._rank)

    def follow(self, layer: Labels | None) -> None:
        """Rank the nuclei of a layer, soon."""
        self._layer = layer
        self.order, self.current, self._position = None, 0, -1
        self.moved.emit()
        self._job.cancel()
        self._timer.stop()
        if layer is not None:
            self._timer.start()

    def go_on(self, done: Collection[int]) -> int:
        """Return the next one that is not done, from the start again after the last; 0: none."""
        order, after = self.order or (), self._position + 1
        places = (*range(after, len(order)), *range(min(after, len(order))))
        return self._go(place for place in places if order[place] not in done)

    def go_back(self, gone: Collection[int]) -> int:
        """Return the one before that is still there, done or not; 0: none."""
        order = self.order or ()
        places = range(self._position - 1, -1, -1)
        return self._go(place for place in places if order[place] not in gone)

    def _go(self, places: Iterable[int]) -> int:
        place = next(iter(places), None)
        if place is None or self.order is None:
            return 0
        self._position, self.current = place, self.order[place]
        self.moved.emit()
        return self.current

    def _rank(self) -> None:
        if self._job.running:
            self._timer.start()
        elif self._layer is not None:
            features = self._layer.features
            table = {str(name): np.asarray(features[name]) for name in features}
            labels = corrections_of(self._layer).labels
            self._job.start(_rank_steps(labels, maps_of(self._layer), table))

    def _on_ranked(self, ranking: _Ranking) -> None:
        if self._layer is not None and corrections_of(self._layer).labels is ranking.labels:
            self.order, self.typical_px = ranking.order, ranking.typical_px
            self.ranked.emit()


def _rank_steps(
    labels: NDArray[np.integer], maps: NDArray[np.float32] | None, features: Table
) -> Generator[Progress, None, _Ranking]:
    yield Progress(0, 0)
    ids = np.setdiff1d(labels, 0)
    yield Progress(0, 0)
    if maps is not None:
        table = certainty(labels, maps)
    elif features.keys() >= _COLUMNS and np.array_equal(features["index"], ids):
        table = features
    else:
        # The features may be those of other labels, or of another program.
        table = measure(labels)
    typical_px = (np.count_nonzero(labels) / max(1, len(ids))) ** 0.5
    return _Ranking(labels, tuple(least_certain_first(table).tolist()), typical_px)
