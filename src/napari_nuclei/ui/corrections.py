"""What a person has done to a Labels layer (a stand-in until the correction tools are merged)."""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray
from psygnal import Signal

from napari_nuclei.core.review import Rectangle, checked_mask

if TYPE_CHECKING:
    from napari.layers import Labels


class Corrections:
    """What a person has done to one Labels layer: what was touched and reviewed."""

    changed = Signal()

    def __init__(self, layer: Labels) -> None:
        self._data = layer.data
        self._before = layer.data.copy()
        self._reviewed: list[Rectangle] = []
        self._accepted: set[int] = set()
        for emitter in (layer.events.paint, layer.events.set_data):
            emitter.connect(lambda event: self.changed.emit())

    @property
    def n_accepted(self) -> int:
        """Number of accepted nuclei."""
        return len(np.unique(self._data)) - 1 if self._reviewed else len(self._accepted)

    @property
    def n_corrected(self) -> int:
        """Number of nuclei that were changed."""
        touched = self._before != self._data
        return len(np.setdiff1d(np.union1d(self._data[touched], self._before[touched]), [0]))

    def checked(self) -> NDArray[np.bool_]:
        """Return what was checked."""
        touched = self._before != self._data
        return checked_mask(self._data, touched, self._accepted, self._reviewed)

    def accept(self, nucleus: int) -> bool:
        """Find a nucleus right."""
        self._accepted.add(nucleus)
        self.changed.emit()
        return bool((self._data == nucleus).any())

    def mark_all_reviewed(self) -> None:
        """Take the whole image as right."""
        self._reviewed = [Rectangle(0, 0, *self._data.shape)]
        self.changed.emit()


_known: WeakKeyDictionary[Labels, Corrections] = WeakKeyDictionary()


def corrections_of(layer: Labels) -> Corrections:
    """Return the corrections of a layer."""
    if layer not in _known:
        _known[layer] = Corrections(layer)
    return _known[layer]
