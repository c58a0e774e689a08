"""Corrections of a Labels layer, each of them one step of napari's undo."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_nuclei.core import edits
from napari_nuclei.core.review import Rectangle
from napari_nuclei.ui.corrections import corrections_of
from napari_nuclei.ui.label_plane import points_in_layer

if TYPE_CHECKING:
    from napari.layers import Labels

    from napari_nuclei.core.edits import Edit

Point = tuple[float, float]


class Corrector:
    """Corrects one layer; points are (y, x) in the pixels of its plane.

    Every method raises an `InputError` that says what to do instead where a correction is not
    possible, and then has changed nothing.
    """

    def __init__(self, layer: Labels) -> None:
        self.layer = layer
        self.corrections = corrections_of(layer)

    @property
    def labels(self) -> NDArray[np.integer]:
        """The labels as they are now."""
        return self.corrections.labels

    def nucleus_at(self, point: Point) -> int:
        """Return the id of the nucleus at a point; 0 where there is none."""
        return edits.nucleus_at(self.labels, point)

    def centre_of(self, nucleus: int) -> tuple[Point, float] | None:
        """Return the middle of a nucleus and its larger side in pixels; None: it is gone."""
        window = edits.find(self.labels, nucleus)
        if window is None:
            return None
        rows, columns = window
        return edits.middle_of(window), max(rows.stop - rows.start, columns.stop - columns.start)

    def accept(self, nucleus: int) -> str:
        """Find a nucleus right, or take that back; return what was done in words."""
        if nucleus in self.corrections.in_areas:
            return f"Nucleus {nucleus} is accepted already: it lies in an area that is right."
        if nucleus in self.corrections.accepted:
            self.corrections.withdraw(nucleus)
            return f"Nucleus {nucleus} is not accepted any more."
        self.corrections.accept(nucleus)
        return f"Nucleus {nucleus} accepted."

    def delete(self, nucleus: int) -> str:
        """Make a nucleus background."""
        self._apply(edits.delete(self.labels, nucleus))
        return f"Nucleus {nucleus} deleted."

    def fill(self, nucleus: int) -> str:
        """Fill holes and notches of a nucleus."""
        self._apply(edits.fill(self.labels, nucleus))
        return f"Nucleus {nucleus} filled."

    def merge(self, kept: int, other: int) -> str:
        """Make one nucleus of two, with the id of the first."""
        self._apply(edits.merge(self.labels, kept, other))
        return f"Merged into nucleus {kept}."

    def split_along(self, line: NDArray[np.floating]) -> str:
        """Cut the nucleus that a line crosses, shape (N, 2)."""
        nucleus = edits.nucleus_under(self.labels, line)
        if not nucleus:
            return "There is no nucleus under this line."
        cut = partial(edits.split_by_line, self.labels, nucleus, line)
        return self._split(nucleus, cut(self._free_id()))

    def split_between(self, first: Point, second: Point) -> str:
        """Part the nucleus of the first point between the points."""
        nucleus = self.nucleus_at(first)
        new = self._free_id()
        return self._split(nucleus, edits.split_by_seeds(self.labels, nucleus, first, second, new))

    def review(self, first: Point, second: Point) -> str:
        """Find all in the rectangle between two corners right."""
        (top, left), (bottom, right) = np.rint(np.sort([first, second], axis=0)).astype(int)
        before = len(self.corrections.accepted)
        self.corrections.review(Rectangle(int(top), int(left), int(bottom) + 1, int(right) + 1))
        added = len(self.corrections.accepted) - before
        return f"All in this rectangle is right: {added} more nuclei accepted."

    def _free_id(self) -> int:
        # Also above what was deleted: an undo would bring it back.
        return edits.free_id(self.labels, int(self.corrections.found.max(initial=0)) + 1)

    def _split(self, nucleus: int, edit: Edit) -> str:
        self._apply(edit)
        return f"Nucleus {nucleus} split."

    def _apply(self, edit: Edit) -> None:
        """Write the pixels that change, and no others, to the layer and its history."""
        rows, columns = np.nonzero(self.labels[edit.window] != edit.values)
        values = edit.values[rows, columns]
        top, left = (part.start for part in edit.window)
        pixels = np.column_stack([rows + top, columns + left])
        self.layer.data_setitem(tuple(points_in_layer(pixels, self.layer.ndim).T), values)
