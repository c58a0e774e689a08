"""Cut a plane of any size into blocks, each nucleus of which belongs to exactly one block.

A block is segmented within a window that reaches beyond it by a margin, so that each of its nuclei
is seen whole. What reaches into other blocks, the spill, is put there when all are done.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_nuclei.core.resampling import Shape, Window, shifted


@dataclass(frozen=True)
class Block:
    """One block of a grid.

    Attributes
    ----------
    row, column : int
        Place in the grid.
    core : tuple of slice
        Its rows and columns; the cores of all blocks are the plane, and share no pixel.
    """

    row: int
    column: int
    core: Window


@dataclass(frozen=True)
class BlockGrid:
    """The blocks of a plane, row by row.

    Attributes
    ----------
    shape : tuple of int
        Height and width of the plane in pixels, both at least 1.
    block_px : int
        Side of a block; those at the far edges may be smaller.
    """

    shape: Shape
    block_px: int

    @property
    def counts(self) -> tuple[int, int]:
        """Rows and columns of blocks."""
        height, width = self.shape
        return -(-height // self.block_px), -(-width // self.block_px)

    def __len__(self) -> int:
        rows, columns = self.counts
        return rows * columns

    def __iter__(self) -> Iterator[Block]:
        rows, columns = self.counts
        for row in range(rows):
            for column in range(columns):
                yield self.block(row, column)

    def block(self, row: int, column: int) -> Block:
        """Return the block of that place."""
        y_px, x_px = row * self.block_px, column * self.block_px
        height, width = self.shape
        rows = slice(y_px, min(y_px + self.block_px, height))
        return Block(row, column, (rows, slice(x_px, min(x_px + self.block_px, width))))

    def window(self, block: Block, margin_px: int) -> Window:
        """Return the core of a block and what lies around it within the plane."""
        rows, columns = (
            slice(max(0, part.start - margin_px), min(length, part.stop + margin_px))
            for part, length in zip(block.core, self.shape, strict=True)
        )
        return rows, columns

    def around(self, block: Block, margin_px: int) -> list[Block]:
        """Return the other blocks whose windows of that margin reach into the core, in order."""
        reach = -(-margin_px // self.block_px)
        places = [
            range(max(0, at - reach), min(at + reach + 1, count))
            for at, count in zip((block.row, block.column), self.counts, strict=True)
        ]
        near = (self.block(row, column) for row in places[0] for column in places[1])
        return [other for other in near if other != block]


@dataclass(frozen=True)
class Spill:
    """Pixels of a block's nuclei outside its core.

    Attributes
    ----------
    y, x : numpy.ndarray
        Shape (n,), int64: place in the plane.
    ids : numpy.ndarray
        Shape (n,), int32: ids within the block.
    """

    y: NDArray[np.int64]
    x: NDArray[np.int64]
    ids: NDArray[np.int32]


@dataclass(frozen=True)
class Owned:
    """The nuclei of a block.

    Attributes
    ----------
    labels : numpy.ndarray
        Shape (Y, X) of the window, int32: they are 1 to n, all else is 0.
    is_cut : bool
        Whether one of them reaches the edge of the window within the plane, so that a larger margin
        would show more of it.
    """

    labels: NDArray[np.int32]
    is_cut: bool


def own_nuclei(labels: NDArray[np.int32], window: Window, core: Window, shape: Shape) -> Owned:
    """Keep the nuclei whose bounding box has its centre in a core.

    Every window that shows a nucleus whole shows the same box, so exactly one block has it. One
    that is shown in part is kept too often rather than not at all: what is missing beyond the
    window would only draw the centre away from the core.

    Parameters
    ----------
    labels : numpy.ndarray
        Shape (Y, X), int32: what was found in the window, 1 to n.
    window, core : tuple of slice
        Of a block, in the plane.
    shape : tuple of int
        Of the plane.

    Notes
    -----
    As StarDist's `predict_instances_big` [1]_, which gives an object to one block by its bounding
    box; the centre instead of the far corner needs half the margin.

    References
    ----------
    .. [1] Weigert et al., "Star-convex polyhedra for 3D object detection and segmentation in
       microscopy", WACV 2020.
    """
    is_owned = np.zeros(int(labels.max(initial=0)) + 1, bool)
    is_cut = np.zeros_like(is_owned)
    boxes = _bounding_boxes(labels)
    is_owned[1:] = True
    for axis, (seen, kept, length) in enumerate(zip(window, core, shape, strict=True)):
        start, stop = (boxes[:, axis, end] + seen.start for end in range(2))
        centre = (start + stop - 1) // 2
        is_owned[1:] &= (kept.start <= centre) & (centre < kept.stop)
        is_cut[1:] |= (start == seen.start) & (seen.start > 0)
        is_cut[1:] |= (stop == seen.stop) & (seen.stop < length)
    ids = np.where(is_owned, np.cumsum(is_owned), 0).astype(np.int32)
    return Owned(ids[labels], bool((is_owned & is_cut).any()))


def split_spill(
    labels: NDArray[np.int32], window: Window, core: Window
) -> tuple[NDArray[np.int32], Spill]:
    """Part the labels of a window into those of the core, (Y, X), and the spill around it."""
    origin = window[0].start, window[1].start
    inside = shifted(core, origin)
    y, x = np.nonzero(labels)
    is_inside = np.logical_and.reduce(
        [(part.start <= at) & (at < part.stop) for part, at in zip(inside, (y, x), strict=True)]
    )
    y, x = y[~is_inside], x[~is_inside]
    return labels[inside], Spill(y + origin[0], x + origin[1], labels[y, x])


def add_spills(
    labels: NDArray[np.int32], core: Window, spills: Iterable[Spill]
) -> NDArray[np.int32]:
    """Return the labels of a core with what spills into it, on pixels that nobody has yet.

    Parameters
    ----------
    labels : numpy.ndarray
        Shape (Y, X) of the core, int32.
    core : tuple of slice
        Where it lies in the plane.
    spills : iterable of Spill
        With ids that are unique in the plane; where two claim a pixel, the first has it.
    """
    labels = labels.copy()
    rows, columns = core
    for spill in spills:
        is_here = (rows.start <= spill.y) & (spill.y < rows.stop)
        is_here &= (columns.start <= spill.x) & (spill.x < columns.stop)
        y, x = spill.y[is_here] - rows.start, spill.x[is_here] - columns.start
        labels[y, x] = np.where(labels[y, x] > 0, labels[y, x], spill.ids[is_here])
    return labels


def _bounding_boxes(labels: NDArray[np.int32]) -> NDArray[np.int64]:
    """Return start and stop along both axes for ids 1 to n, shape (n, 2, 2)."""
    found = ndimage.find_objects(labels)
    boxes = [[(part.start, part.stop) for part in box] for box in found]
    return np.array(boxes, np.int64).reshape(len(found), 2, 2)
