from __future__ import annotations

import numpy as np
import pytest

from napari_nuclei.core.doubt import certainty, least_certain_first
from napari_nuclei.core.measure import measure


def test_certain_is_a_nucleus_with_a_high_probability_and_no_border_in_it() -> None:
    labels = np.array([[0, 3, 3, 7, 7]], np.int32)
    maps = np.zeros((1, 5, 3), np.float32)
    maps[..., 0] = [0.9, 1.0, 0.5, 0.5, 0.25]
    maps[..., 1] = [0.9, 0.0, 0.25, 0.0, 0.5]
    table = certainty(labels, maps)
    assert table["index"].tolist() == [3, 7]
    assert table["certainty"].tolist() == [0.625, 0.125]
    assert least_certain_first(table).tolist() == [7, 3]


def test_nothing_is_certain_of_no_nucleus() -> None:
    table = certainty(np.zeros((2, 2), np.int32), np.ones((2, 2, 3), np.float32))
    assert least_certain_first(table).tolist() == []


def test_without_maps_the_least_probable_nucleus_comes_first() -> None:
    table = {"index": [2, 5, 7], "mean_probability": [0.9, 0.6, 0.99], "area_px": [1, 9, 99]}
    arrays = {name: np.array(values) for name, values in table.items()}
    assert least_certain_first(arrays).tolist() == [5, 2, 7]


@pytest.mark.parametrize("unit", ["area_px", "area_um2"])
def test_without_probabilities_the_one_of_the_oddest_size_comes_first(unit: str) -> None:
    table = {"index": np.array([1, 2, 3, 4, 5]), unit: np.array([100, 100, 10, 100, 210])}
    assert least_certain_first(table).tolist() == [3, 5, 1, 2, 4]


def test_what_was_measured_can_be_ranked() -> None:
    labels = np.zeros((9, 9), np.int32)
    labels[2:5, 2:5] = 4
    assert least_certain_first(measure(labels)).tolist() == [4]
    assert least_certain_first(measure(labels * 0)).tolist() == []
