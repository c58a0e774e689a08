"""What a person has done to a Labels layer: what was painted, and what was found right.

Undo and redo of napari tell nobody. So strokes are not counted: the labels are compared with those
that were there before, where somebody has ever painted (`napari_nuclei.core.changes`). What was
found right is a step of the same undo.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray
from psygnal import Signal

from napari_nuclei.core.changes import (
    Changes,
    Seen,
    accepted_nuclei,
    checked,
    find_changes,
    see_checked,
    see_nucleus,
    see_rectangle,
)
from napari_nuclei.core.review import Rectangle
from napari_nuclei.errors import InputError
from napari_nuclei.ui.label_plane import in_layer, is_plane, plane_of
from napari_nuclei.ui.undoable import ShownPoint, Undoable

if TYPE_CHECKING:
    from napari.layers import Labels
    from napari.utils.events import Event

_Array = NDArray[np.integer[Any]]


class Corrections:
    """What a person has done to the one plane of a Labels layer, from this object on.

    `changed` tells that labels, counts or masks may be other ones now.
    """

    changed = Signal()

    def __init__(self, layer: Labels) -> None:
        self._seen = Undoable[tuple[Seen, ...]](layer, ())
        self._changes: Changes | None = None
        self._is_painting = False
        self._shown = ShownPoint(layer)
        self._begin(layer.data)
        events = layer.events
        events.paint.connect(self._on_paint)
        events.data.connect(self._on_data)
        # A paint event comes before the pixels change, an undo only refreshes the layer.
        for emitter in (events.labels_update, events.set_data):
            emitter.connect(self._on_shown)

    @property
    def labels(self) -> _Array:
        """The labels as they are now, shape (Y, X): not a copy, and one array until others come."""
        return self._labels

    @property
    def found(self) -> _Array:
        """The labels as they were before they were corrected, shape (Y, X)."""
        return self._found

    @property
    def painted(self) -> NDArray[np.bool_]:
        """Where somebody has ever painted, shape (Y, X); what was undone is in it, too."""
        return self._painted

    @property
    def seen(self) -> tuple[Seen, ...]:
        """What was found right, also such that is no more as it was then."""
        return self._seen.value

    @property
    def n_accepted(self) -> int:
        """Number of nuclei that were found right as they were."""
        return len(self.accepted - self.changes().nuclei)

    @property
    def n_corrected(self) -> int:
        """Number of nuclei that were painted, split, merged or redrawn, and of deleted ones."""
        changes = self.changes()
        return len(changes.nuclei) + changes.n_deleted

    @property
    def is_any(self) -> bool:
        """Whether anything was checked, be it only background."""
        is_seen = any(one.still_right(self._labels).any() for one in self.seen)
        return is_seen or bool(self.changes().touched.any())

    @property
    def accepted(self) -> set[int]:
        """Ids of the nuclei that were found right, also in rectangles, and are as they were."""
        return accepted_nuclei(self._labels, self.seen)

    @property
    def in_areas(self) -> set[int]:
        """Ids of those among the accepted nuclei that lie in a rectangle that was found right."""
        return accepted_nuclei(self._labels, (one for one in self.seen if not one.nucleus))

    @property
    def done(self) -> set[int]:
        """Ids of the nuclei that need no check any more, those that are gone among them."""
        changes = self.changes()
        return self.accepted | changes.nuclei | changes.gone

    def changes(self) -> Changes:
        """Return what was corrected; it is looked for once after each change."""
        if self._changes is None:
            self._changes = find_changes(self._labels, self._found, self._painted)
        return self._changes

    def checked(self) -> NDArray[np.bool_]:
        """Return the pixels whose label somebody vouches for, (Y, X), which takes time."""
        return checked(self._labels, self._found, self._painted, self.seen)

    def accept(self, nucleus: int) -> bool:
        """Find a nucleus right, in one step of undo; return whether there is one of this id."""
        seen = see_nucleus(self._labels, nucleus)
        if seen is None:
            return False
        self._find_right(*self._without(nucleus), seen)
        return True

    def withdraw(self, nucleus: int) -> None:
        """Take back that a nucleus was accepted; one in a rectangle stays right."""
        self._find_right(*self._without(nucleus))

    def review(self, rectangle: Rectangle) -> None:
        """Find everything in a rectangle right, the background included, in one step of undo."""
        self._find_right(*self.seen, see_rectangle(self._labels, rectangle))

    def mark_all_reviewed(self) -> None:
        """Find the whole image right as it is, in one step of undo."""
        single = (one for one in self.seen if one.nucleus)
        self._find_right(*single, see_rectangle(self._labels, Rectangle(0, 0, *self._labels.shape)))

    def remember(self, checked: NDArray[np.bool_]) -> None:
        """Take over what was checked of these very labels before, shape (Y, X)."""
        labels = self._labels.astype(np.int32, copy=False)
        self._seen.restart((see_checked(labels, checked),))
        self._tell()

    def resume(self, found: _Array, painted: NDArray[np.bool_], seen: tuple[Seen, ...]) -> None:
        """Go on with what was done to the same labels before, in another layer."""
        self._found, self._painted = found, painted
        self._seen.restart(seen)
        self._tell()

    def _tell(self) -> None:
        self._changes = None
        self.changed.emit()

    def _begin(self, data: Any) -> None:
        """Know of no correction."""
        is_fit = not refusal_of(data)
        self._data: _Array = data if is_fit else np.zeros((0, 0), np.int32)
        self._labels = plane_of(self._data)
        self._found = self._labels.copy()
        self._painted = np.zeros(self._labels.shape, bool)
        self._seen.restart(())

    def _without(self, nucleus: int) -> tuple[Seen, ...]:
        return tuple(one for one in self.seen if one.nucleus != nucleus)

    def _find_right(self, *seen: Seen) -> None:
        self._seen.change(seen)
        self._tell()

    def _on_paint(self, event: Event) -> None:
        self._seen.follow()
        if event.source.data is self._data:
            painted = in_layer(self._painted, self._data.ndim)
            for stroke in event.value:
                _mark(painted, stroke)
            self._is_painting = True
            self._tell()

    def _on_shown(self, event: Event) -> None:
        self._seen.follow()
        if event.type == "set_data" and self._shown.has_moved(event.source):
            return
        # Each move of a brush updates the labels: of these only the one after a stroke counts.
        if event.type == "set_data" or self._is_painting:
            self._is_painting = False
            self._tell()

    def _on_data(self, event: Event) -> None:
        """Keep what still holds when the layer gets another array: nobody painted that one."""
        before, data = self._labels, event.source.data
        if refusal_of(data) or plane_of(data).shape != before.shape:
            self._begin(data)
        elif data is not self._data:
            self._data, self._labels = data, plane_of(data)
            if self._painted.any():
                self._painted &= before == self._labels
                self._found = np.where(self._painted, self._found, self._labels)
            else:
                self._found = self._labels.copy()
        self._tell()


_all: WeakKeyDictionary[Labels, Corrections] = WeakKeyDictionary()


def corrections_of(layer: Labels) -> Corrections:
    """Return what was done to a layer since this was called first: it is noted as long as it lives.

    Raises
    ------
    InputError
        When its labels are no array of one plane in memory.
    """
    if layer not in _all:
        reason = refusal_of(layer.data)
        if reason:
            raise InputError(reason)
        _all[layer] = Corrections(layer)
    return _all[layer]


def refusal_of(data: Any) -> str:
    """Return why labels cannot be corrected; empty when they can."""
    if not isinstance(data, np.ndarray):
        return "These labels are not in memory: duplicate the layer to correct them."
    if not is_plane(data.shape):
        return f"These labels have {data.ndim} axes: only those of a single plane are corrected."
    return ""


def _mark(painted: NDArray[np.bool_], stroke: Any) -> None:
    """Note the pixels of a part of napari's history: a masked window, or an index."""
    if hasattr(stroke, "slice_key"):
        everything = slice(None)
        painted[stroke.slice_key][everything if stroke.mask is None else stroke.mask] = True
    else:
        painted[stroke[0]] = True
