from __future__ import annotations

import numpy as np
import pytest

from napari_nuclei.core.doubt import can_rank, certainty, least_certain_first
from napari_nuclei.core.measure import measure


def table(**columns: list[float]) -> dict[str, np.ndarray]:
    n = len(columns["index"])
    defaults = {"area_px": [100] * n, "touches_border": [False] * n}
    return {name: np.array(values) for name, values in {**defaults, **columns}.items()}


def test_the_least_probable_nucleus_comes_first() -> None:
    given = table(index=[2, 5, 7], mean_probability=[0.9, 0.6, 0.99])
    assert least_certain_first(given).tolist() == [5, 2, 7]


def test_without_probabilities_the_one_of_the_oddest_size_comes_first() -> None:
    given = table(index=[1, 2, 3, 4, 5], area_px=[100, 100, 10, 100, 210])
    assert least_certain_first(given).tolist() == [3, 5, 1, 2, 4]


def test_a_nucleus_that_the_edge_cuts_is_not_odd_for_its_size() -> None:
    given = table(index=[1, 2, 3], area_px=[10, 100, 100], touches_border=[True, False, False])
    assert least_certain_first(given).tolist() == [1, 2, 3]


def test_units_do_not_matter() -> None:
    pixels = table(index=[1, 2, 3], area_px=[10, 100, 150], mean_probability=[0.9, 0.9, 0.9])
    micrometres = dict(pixels)
    micrometres["area_um2"] = micrometres.pop("area_px") / 16
    np.testing.assert_allclose(certainty(micrometres), certainty(pixels))


def test_what_was_measured_can_be_ranked() -> None:
    labels = np.zeros((9, 9), np.int32)
    labels[2:5, 2:5] = 4
    assert can_rank(measure(labels, (labels > 0).astype(np.float32)))
    assert least_certain_first(measure(labels)).tolist() == [4]
    assert least_certain_first(measure(labels * 0)).tolist() == []


@pytest.mark.parametrize("missing", ["index", "mean_probability", "touches_border", "area_px"])
def test_a_table_without_one_of_the_columns_cannot_rank(missing: str) -> None:
    given = table(index=[1], mean_probability=[0.5])
    assert can_rank(given)
    del given[missing]
    assert not can_rank(given)
