from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from skimage.measure import label
from skimage.segmentation import relabel_sequential

from napari_nuclei.core.blocks import BlockGrid, Spill, add_spills, own_nuclei, split_spill
from strategies import label_images


def window(y, y_stop, x, x_stop):
    return slice(y, y_stop), slice(x, x_stop)


def cut(labels, block, grid, margin_px):
    """Segment a block as if the network saw exactly these labels."""
    seen = grid.window(block, margin_px)
    found, _, _ = relabel_sequential(labels[seen])
    owned = own_nuclei(found.astype(np.int32), seen, block.core, grid.shape)
    return owned, *split_spill(owned.labels, seen, block.core)


def put_together(labels, grid, margin_px):
    """Cut labels into blocks and put these together again."""
    parts, first = {}, 0
    for block in grid:
        _, core, spill = cut(labels, block, grid, margin_px)
        n = max(core.max(initial=0), spill.ids.max(initial=0))
        spill = Spill(spill.y, spill.x, spill.ids + first)
        parts[block.row, block.column] = np.where(core, core + first, 0), spill
        first += n
    result = np.zeros_like(labels)
    for block in grid:
        core, _ = parts[block.row, block.column]
        around = grid.around(block, margin_px)
        spills = [parts[other.row, other.column][1] for other in around]
        result[block.core] = add_spills(core, block.core, spills)
    return result


def nuclei_at_most(labels, side_px):
    """Return each connected part as a nucleus of its own, without those longer than that."""
    parts = label(labels, connectivity=1).astype(np.int32)
    for index, box in enumerate(ndimage.find_objects(parts), 1):
        if any(part.stop - part.start > side_px for part in box):
            parts[parts == index] = 0
    return relabel_sequential(parts)[0]


def test_cores_are_the_plane():
    grid = BlockGrid((5, 7), 4)
    assert [block.core for block in grid] == [
        window(0, 4, 0, 4), window(0, 4, 4, 7),
        window(4, 5, 0, 4), window(4, 5, 4, 7),
    ]  # fmt: skip
    assert (grid.counts, len(grid)) == ((2, 2), 4)


def test_window_ends_at_the_plane():
    grid = BlockGrid((10, 12), 4)
    assert grid.window(grid.block(1, 2), 3) == window(1, 10, 5, 12)
    assert grid.window(grid.block(0, 0), 0) == window(0, 4, 0, 4)


@pytest.mark.parametrize(
    ("margin_px", "around"),
    [
        (0, []),
        (4, [(0, 0), (0, 1), (1, 1), (2, 0), (2, 1)]),
        (5, [(0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 0), (2, 1), (2, 2)]),
    ],
)
def test_blocks_around_are_those_whose_windows_reach_here(margin_px, around):
    grid = BlockGrid((12, 12), 4)
    found = [(block.row, block.column) for block in grid.around(grid.block(1, 0), margin_px)]
    assert found == around
    for block in grid:
        rows, columns = grid.window(block, margin_px)
        reaches = rows.start < 8 and rows.stop > 4 and columns.start < 4
        assert reaches <= ((block.row, block.column) in [*found, (1, 0)])


def test_a_nucleus_belongs_to_the_block_with_the_middle_of_its_box():
    labels = np.array([[1, 1, 1, 0, 2, 2, 2, 0, 3]], np.int32)
    seen, shape = window(0, 1, 0, 9), (1, 9)
    left = own_nuclei(labels, seen, window(0, 1, 0, 5), shape)
    right = own_nuclei(labels, seen, window(0, 1, 5, 9), shape)
    assert left.labels.tolist() == [[1, 1, 1, 0, 0, 0, 0, 0, 0]]
    assert right.labels.tolist() == [[0, 0, 0, 0, 1, 1, 1, 0, 2]]


@pytest.mark.parametrize(
    ("start", "stop", "is_cut"), [(0, 6, False), (0, 5, True), (1, 6, False), (2, 5, True)]
)
def test_only_what_the_window_cuts_and_not_the_plane_is_cut(start, stop, is_cut):
    labels = np.array([[1, 0, 2, 0, 3, 3]], np.int32)[:, start:stop]
    labels, _, _ = relabel_sequential(labels)
    seen = window(0, 1, start, stop)
    assert own_nuclei(labels, seen, window(0, 1, 2, 5), (1, 6)).is_cut == is_cut


def test_a_window_without_nuclei_owns_none():
    owned = own_nuclei(np.zeros((2, 3), np.int32), window(4, 6, 4, 7), window(4, 5, 4, 7), (9, 9))
    assert not owned.labels.any()
    assert not owned.is_cut


def test_spill_is_what_lies_outside_the_core():
    labels = np.array([[1, 1, 0], [0, 2, 2]], np.int32)
    core, spill = split_spill(labels, window(3, 5, 6, 9), window(3, 5, 6, 8))
    assert core.tolist() == [[1, 1], [0, 2]]
    assert (spill.y.tolist(), spill.x.tolist(), spill.ids.tolist()) == ([4], [8], [2])


def test_spill_fills_only_what_nobody_has_yet():
    core = np.array([[5, 0, 0]], np.int32)
    spills = [
        Spill(np.array([2, 2, 9]), np.array([4, 5, 5]), np.array([7, 7, 7], np.int32)),
        Spill(np.array([2, 2]), np.array([5, 6]), np.array([8, 8], np.int32)),
    ]
    assert add_spills(core, window(2, 3, 4, 7), spills).tolist() == [[5, 7, 8]]
    assert core.tolist() == [[5, 0, 0]]


@settings(max_examples=50)
@given(label_images(max_side_px=12, max_id=4), st.integers(2, 13))
def test_each_nucleus_has_one_owner_and_comes_back_whole(labels, block_px):
    margin_px = 3
    # As far as a margin shows to both sides of any pixel.
    labels = nuclei_at_most(labels, 2 * margin_px)
    grid = BlockGrid(labels.shape, block_px)
    together = put_together(labels, grid, margin_px)
    np.testing.assert_array_equal(together > 0, labels > 0)
    pairs = np.unique(np.stack([together, labels]).reshape(2, -1), axis=1)
    ids = list(range(1, labels.max() + 1))
    assert [sorted(found[found > 0]) for found in pairs] == [ids, ids]


@settings(max_examples=50)
@given(label_images(max_side_px=9, max_id=2), st.integers(2, 9), st.integers(0, 4))
def test_a_nucleus_that_is_seen_whole_by_nobody_is_kept_nevertheless(labels, block_px, margin_px):
    grid = BlockGrid(labels.shape, block_px)
    for index in np.unique(labels[labels > 0]):
        one = np.where(labels == index, labels, 0)
        assert put_together(one, grid, margin_px).any()
