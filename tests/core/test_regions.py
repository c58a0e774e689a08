"""Boxes of whole pixels, and outlines within them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from napari_nuclei.core.regions import Region, box_around, inside_outlines, whole

SHAPE = (5, 6)


@pytest.mark.parametrize(
    ("points", "rows", "columns"),
    [
        ([(1, 2), (3, 4)], (1, 4), (2, 5)),
        ([(0.6, 1.6), (3.4, 4.4)], (1, 4), (2, 5)),
        ([(-9, -9), (99, 99)], (0, 5), (0, 6)),
        ([(2, 3), (2, 3)], (2, 3), (3, 4)),
    ],
)
def test_box_holds_the_pixels_whose_centres_are_inside(
    points: list[tuple[float, float]], rows: tuple[int, int], columns: tuple[int, int]
) -> None:
    assert box_around(np.array(points, float), SHAPE) == Region(rows, columns)


@pytest.mark.parametrize("points", [[(-3, 1), (-1, 4)], [(0, 6), (4, 9)], [(1.2, 1.2), (1.8, 1.8)]])
def test_without_a_pixel_there_is_no_region(points: list[tuple[float, float]]) -> None:
    assert box_around(np.array(points, float), SHAPE) is None
    assert inside_outlines([np.array(points, float)], SHAPE) is None


def test_the_whole_plane_has_no_mask() -> None:
    assert whole(SHAPE) == Region((0, 5), (0, 6))
    assert whole(SHAPE).mask() is None


def test_mask_is_what_lies_in_any_of_the_outlines() -> None:
    triangle = np.array([(0.5, 0.9), (3.1, 0.9), (3.1, 3.2)])
    far = np.array([(2.5, 3.5), (4.5, 3.5), (4.5, 4.5), (2.5, 4.5)])
    region = inside_outlines([triangle, far], SHAPE)
    assert region is not None
    assert (region.origin, region.shape) == ((1, 1), (4, 4))
    expected = [[1, 0, 0, 0], [1, 1, 0, 0], [1, 1, 1, 1], [0, 0, 0, 1]]
    np.testing.assert_array_equal(region.mask(), np.array(expected, bool))


@given(hnp.arrays(float, st.tuples(st.integers(3, 6), st.just(2)), elements=st.floats(-3, 9)))
def test_an_outline_around_everything_takes_everything_of_the_box(
    points: np.ndarray,
) -> None:
    around = np.array([(-10, -10), (-10, 20), (20, 20), (20, -10)], float)
    region = inside_outlines([points, around], SHAPE)
    assert region is not None
    assert region.shape == SHAPE
    assert region.mask().all()


@pytest.mark.parametrize(
    ("rows", "columns", "expected"),
    [
        ((3, 9), (4, 5), True),
        ((5, 9), (0, 9), False),  # below
        ((0, 9), (6, 9), False),  # to the right
        ((4, 5), (5, 6), True),  # one pixel
    ],
)
def test_boxes_overlap_where_they_share_a_pixel(
    rows: tuple[int, int], columns: tuple[int, int], expected: bool
) -> None:
    region, other = Region((2, 5), (3, 6)), Region(rows, columns)
    assert region.overlaps(other) is other.overlaps(region) is expected
