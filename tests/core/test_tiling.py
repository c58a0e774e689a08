from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from napari_nuclei.core.tiling import Grid, Stitcher, Tile
from napari_nuclei.errors import InputError

SIDES = st.integers(1, 30)


@st.composite
def grids(draw):
    tile_px = draw(st.integers(1, 20))
    halo_px = draw(st.integers(0, (tile_px - 1) // 2))
    return Grid((draw(SIDES), draw(SIDES)), tile_px, halo_px)


def noise(grid, channels=2):
    return np.random.default_rng(0).random((*grid.shape, channels), np.float32)


def stitch(grid, predict, image, batch_size=3):
    stitcher = Stitcher(grid, image.shape[-1])
    tiles = list(grid)
    for start in range(0, len(tiles), batch_size):
        batch = tiles[start : start + batch_size]
        stitcher.add(batch, predict(grid.cut(image, batch)))
    return stitcher.maps


@settings(deadline=None)
@given(grids())
def test_every_pixel_lies_in_a_tile(grid):
    covered = np.zeros(grid.shape, bool)
    for tile in grid:
        part = covered[tile.y_px : tile.y_px + grid.tile_px, tile.x_px : tile.x_px + grid.tile_px]
        assert part.size > 0, "a tile that lies beyond the image is work for nothing"
        part[:] = True
    assert covered.all()
    assert len(list(grid)) == len(grid)


@settings(deadline=None)
@given(grids())
def test_weights_of_each_pixel_sum_to_one(grid):
    ones = np.ones((len(grid), grid.tile_px, grid.tile_px, 1), np.float32)
    stitcher = Stitcher(grid, 1)
    stitcher.add(list(grid), ones)
    np.testing.assert_allclose(stitcher.maps, 1, atol=1e-5)


@settings(deadline=None)
@given(grids())
@example(Grid((1, 1), 1, 0))
@example(Grid((1, 1), 128, 16))
@example(Grid((37, 16), 8, 3))
def test_cutting_and_stitching_gives_the_image_back(grid):
    image = noise(grid)
    np.testing.assert_allclose(stitch(grid, lambda tiles: tiles, image), image, atol=1e-5)


@settings(deadline=None)
@given(grids(), st.integers(1, 9))
def test_pixelwise_prediction_is_the_same_with_and_without_tiles(grid, batch_size):
    def predict(pixels):
        return np.sin(5 * pixels)

    image = noise(grid)
    np.testing.assert_allclose(stitch(grid, predict, image, batch_size), predict(image), atol=1e-5)


@settings(deadline=None)
@given(grids())
def test_without_a_halo_each_pixel_belongs_to_one_tile_exactly(grid):
    hard = Grid(grid.shape, grid.tile_px, 0)
    image = noise(hard)
    np.testing.assert_array_equal(stitch(hard, lambda tiles: tiles, image), image)


def test_tiles_overlap_by_twice_the_halo():
    grid = Grid((10, 20), tile_px=10, halo_px=2)
    assert list(grid) == [Tile(0, 0, 0, 0), Tile(0, 1, 0, 6), Tile(0, 2, 0, 12)]
    assert grid.counts == (1, 3)


@pytest.mark.parametrize(
    ("side", "count"),
    [(1, 1), (128, 1), (129, 2), (224, 2), (225, 3)],
)
def test_no_more_tiles_than_needed(side, count):
    assert Grid((side, 1)).counts == (count, 1)


def test_pixels_are_mirrored_beyond_the_far_edges():
    image = np.array([[1, 2], [3, 4]], np.float32)[..., np.newaxis]
    grid = Grid((2, 2), tile_px=4, halo_px=1)
    assert grid.cut(image, list(grid))[0, ..., 0].tolist() == [
        [1, 2, 2, 1],
        [3, 4, 4, 3],
        [3, 4, 4, 3],
        [1, 2, 2, 1],
    ]


def test_a_prediction_fades_into_its_neighbour_along_a_straight_line():
    grid = Grid((1, 12), tile_px=8, halo_px=2)
    _, along_x = grid.weights
    fading = [0.875, 0.625, 0.375, 0.125]
    np.testing.assert_allclose(along_x[0], [1, 1, 1, 1, *fading], atol=1e-6)
    np.testing.assert_allclose(along_x[1], [*fading[::-1], 1, 1, 1, 1], atol=1e-6)


@pytest.mark.parametrize(("tile_px", "halo_px"), [(8, 4), (8, 100), (8, -1), (0, 0), (-8, -8)])
def test_halo_that_leaves_nothing_of_the_tile_is_refused(tile_px, halo_px):
    with pytest.raises(InputError, match=f"Tiles of {tile_px} px cannot have a halo of {halo_px}"):
        Grid((10, 10), tile_px, halo_px)


@st.composite
def grids_with_windows(draw):
    grid = draw(grids())
    starts = [draw(st.integers(0, length - 1)) for length in grid.shape]
    stops = [draw(st.integers(a + 1, n)) for a, n in zip(starts, grid.shape, strict=True)]
    return grid, tuple(map(slice, starts, stops))


@given(grids_with_windows())
def test_a_part_has_the_tiles_of_a_window_and_blends_them_as_the_whole_does(drawn):
    grid, window = drawn
    image = noise(grid)

    def distort(tiles):
        # Not the same at each place of a tile: another tile would give other values.
        return tiles + np.arange(tiles[0].size).reshape(tiles[0].shape)

    part = grid.part_around(window)
    shape = part[0].stop - part[0].start, part[1].stop - part[1].start
    small = Grid(shape, grid.tile_px, grid.halo_px)
    origin = part[0].start, part[1].start
    inside = tuple(slice(p.start - o, p.stop - o) for p, o in zip(window, origin, strict=True))
    expected = stitch(grid, distort, image)[window]
    np.testing.assert_array_equal(stitch(small, distort, image[part])[inside], expected)


def test_a_part_is_no_larger_than_its_tiles():
    grid = Grid((30, 30), tile_px=10, halo_px=2)  # tiles start at 0, 6, 12, 18
    assert grid.part_around((slice(10, 12), slice(0, 30))) == (slice(6, 16), slice(0, 28 + 2))
