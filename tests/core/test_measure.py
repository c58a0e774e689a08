from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from numpy.typing import NDArray
from skimage.measure import regionprops_table

from napari_nuclei.core.measure import largest_sections, measure
from napari_nuclei.errors import InputError
from strategies import label_images

SKIMAGE_NAMES = {
    "index": "label",
    "y": "centroid-0",
    "x": "centroid-1",
    "area_px": "area",
    "equivalent_diameter_px": "equivalent_diameter_area",
    "eccentricity": "eccentricity",
    "mean_probability": "intensity_mean",
}


def test_two_nuclei_measured_by_hand() -> None:
    labels = np.array(
        [
            [0, 0, 0, 0, 9],
            [0, 4, 4, 0, 9],
            [0, 4, 4, 0, 9],
            [0, 0, 0, 0, 0],
        ],
        np.int32,
    )
    probability = np.where(labels == 4, 0.75, 0.5).astype(np.float32)

    table = measure(labels, probability)

    assert {name: column.tolist() for name, column in table.items()} == {
        "index": [4, 9],
        "y": [1.5, 1.0],
        "x": [1.5, 4.0],
        "area_px": [4, 3],
        "equivalent_diameter_px": pytest.approx([4 / np.sqrt(np.pi), 2 * np.sqrt(3 / np.pi)]),
        "eccentricity": [0.0, 1.0],
        "mean_probability": [0.75, 0.5],
        "touches_border": [False, True],
    }


@pytest.mark.parametrize("edge", [np.s_[0, 2], np.s_[-1, 2], np.s_[2, 0], np.s_[2, -1]])
def test_each_edge_of_the_image_is_a_border(edge: tuple[int, int]) -> None:
    labels = np.zeros((5, 5), np.int32)
    labels[edge] = 1
    assert measure(labels, np.zeros((5, 5), np.float32))["touches_border"].tolist() == [True]


def test_an_image_without_nuclei_gives_empty_columns() -> None:
    table = measure(np.zeros((2, 3), np.int32), np.zeros((2, 3), np.float32))
    assert {name: (len(column), column.dtype.kind) for name, column in table.items()} == {
        "index": (0, "i"),
        "y": (0, "f"),
        "x": (0, "f"),
        "area_px": (0, "i"),
        "equivalent_diameter_px": (0, "f"),
        "eccentricity": (0, "f"),
        "mean_probability": (0, "f"),
        "touches_border": (0, "b"),
    }


@given(label_images())
def test_the_figures_are_those_of_regionprops(labels: NDArray[np.int32]) -> None:
    probability = np.linspace(0, 1, labels.size, dtype=np.float32).reshape(labels.shape)
    wanted = ("label", "centroid", "area", "equivalent_diameter_area", "intensity_mean")
    expected = regionprops_table(labels, probability, properties=(*wanted, "eccentricity"))

    table = measure(labels, probability)

    for ours, theirs in SKIMAGE_NAMES.items():
        # The eccentricity is a root: a rounding error of 1e-16 under it is one of 1e-8 here.
        np.testing.assert_allclose(table[ours], expected[theirs], rtol=1e-6, atol=1e-6)


def test_a_huge_id_costs_no_memory() -> None:
    labels = np.array([[0, 2**31 - 1]], np.int32)
    assert measure(labels, labels.astype(np.float32))["index"].tolist() == [2**31 - 1]


@pytest.mark.parametrize(
    ("labels", "probability"),
    [
        (np.zeros((2, 3), int), np.zeros((3, 2))),
        (np.zeros((2, 2, 2), int), np.zeros((2, 2, 3))),
        (np.zeros(3, int), np.zeros(3)),
    ],
)
def test_arrays_that_do_not_belong_together_are_refused(
    labels: NDArray[Any], probability: NDArray[Any]
) -> None:
    with pytest.raises(InputError, match="do not belong together"):
        measure(labels, probability)


def test_an_image_adds_the_mean_intensity() -> None:
    labels = np.array([[1, 1, 0], [0, 0, 2]])
    image = np.array([[1, 2, 9], [9, 9, 7]], np.uint8)
    assert measure(labels, image=image)["mean_intensity"].tolist() == [1.5, 7]


@pytest.mark.parametrize(
    ("n", "names", "expected"),
    [
        (2, (), ["mean_intensity_1", "mean_intensity_2"]),
        (3, (), ["mean_intensity_red", "mean_intensity_green", "mean_intensity_blue"]),
        (2, ("DAPI", "GFP"), ["mean_intensity_DAPI", "mean_intensity_GFP"]),
    ],
)
def test_channels_are_columns(n: int, names: tuple[str, ...], expected: list[str]) -> None:
    image = np.broadcast_to(np.arange(n), (1, 2, n))
    table = measure(np.array([[0, 3]]), image=image, channels=names)
    assert [name for name in table if name.startswith("mean")] == expected
    assert [table[name].item() for name in expected] == list(range(n))


def test_micrometres_take_the_place_of_pixels() -> None:
    labels = np.array([[1, 1, 1, 1]])
    px, um = measure(labels), measure(labels, pixel_um=0.5)
    assert um["area_um2"].tolist() == [1.0]
    np.testing.assert_allclose(um["equivalent_diameter_um"], px["equivalent_diameter_px"] / 2)
    renamed = {"area_um2": "area_px", "equivalent_diameter_um": "equivalent_diameter_px"}
    assert [renamed.get(name, name) for name in um] == list(px)


def test_a_nucleus_of_a_stack_is_measured_where_it_is_largest() -> None:
    stack = np.zeros((2, 2, 3, 4), np.int32)
    stack[0, 1, 1, 1:3] = 5
    stack[1, 0, :2, 1:3] = 5  # the largest
    stack[1, 1, 1, 1] = 5
    stack[1, 1, 2, 3] = 2
    table = measure(stack, image=np.arange(stack.size).reshape(stack.shape))
    assert {"t", "z"} < set(measure(stack, axes=("t", "z")))
    expected = measure(stack[1, 0])
    assert table["index"].tolist() == [2, 5]
    assert table["planes"].tolist() == [1, 3]
    assert table["volume_px"].tolist() == [1, 7]
    assert (table["axis_0"].tolist(), table["axis_1"].tolist()) == ([1, 1], [1, 0])
    assert table["mean_intensity"].tolist() == [47, 27.5]
    for name in ("y", "x", "area_px", "eccentricity", "touches_border"):
        assert table[name][1] == expected[name][0]


def test_a_stack_without_nuclei_gives_the_same_empty_columns() -> None:
    empty = measure(np.zeros((3, 4, 5), int))
    full = measure(np.ones((3, 4, 5), int))
    assert list(empty) == list(full)
    assert all(column.shape == (0,) for column in empty.values())


@given(label_images())
def test_a_stack_of_one_plane_has_the_figures_of_the_plane(labels: NDArray[np.int32]) -> None:
    stack = measure(labels[np.newaxis])
    for name, column in measure(labels).items():
        np.testing.assert_array_equal(stack[name], column)


def test_tables_of_planes_are_joined_to_a_row_for_each_nucleus() -> None:
    first = {
        "index": np.array([1, 2]),
        "area_px": np.array([5, 9]),
        "touches_border": np.array([True, False]),
    }
    second = {
        "index": np.array([1, 3]),
        "area_px": np.array([8, 4]),
        "touches_border": np.array([False, False]),
    }
    third = {name: column[:1] for name, column in second.items()}
    found = largest_sections([first, second, third], [(0,), (1,), (2,)], ["z"])
    assert {name: column.tolist() for name, column in found.items()} == {
        "index": [1, 2, 3],
        "z": [1, 0, 1],
        "area_px": [8, 9, 4],
        "touches_border": [True, False, False],
        "planes": [3, 1, 1],
        "volume_px": [21, 9, 4],
    }


class OnePlaneAtATime:
    """Stands for a stack that does not fit into memory."""

    shape = (3, 2, 2)
    ndim = 3

    def __getitem__(self, place: tuple[int, ...]) -> NDArray[np.int64]:
        (number,) = place
        return np.full((2, 2), number)

    def __array__(self) -> NDArray[np.int64]:
        raise MemoryError


def test_an_image_is_read_plane_by_plane() -> None:
    labels = np.arange(1, 4)[:, np.newaxis, np.newaxis] * np.ones((2, 2), int)
    table = measure(labels, image=OnePlaneAtATime())  # type: ignore[arg-type]
    assert table["mean_intensity"].tolist() == [0, 1, 2]
