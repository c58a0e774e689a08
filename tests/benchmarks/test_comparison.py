from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.comparison import Result, Rival, format_comparison, score_rival, to_json

Labels = NDArray[np.integer[Any]]


@dataclass(frozen=True)
class Row:
    """An image of one row whose grey values are its true labels."""

    id: str
    kind: str
    truth: tuple[int, ...]

    def read_image(self) -> NDArray[np.uint8]:
        return np.array([self.truth], np.uint8)

    def read_labels(self) -> NDArray[np.int32]:
        return np.array([self.truth], np.int32)


ROWS = (Row("a", "stained", (1, 1, 0, 0, 2, 2)), Row("b", "fluorescence", (1, 1, 1, 0, 0, 0)))


def perfect(image: NDArray[Any]) -> Labels:
    return image.astype(np.int32)


def left_half(image: NDArray[Any]) -> Labels:
    """Find what lies in the left half and miss the rest."""
    labels = image.astype(np.int32)
    labels[:, image.shape[1] // 2 :] = 0
    return labels


def result_of(name: str, segmenter: Callable[[NDArray[Any]], Labels]) -> Result:
    return score_rival(Rival(name, segmenter, {"steps": 3}), ROWS)


@pytest.fixture(scope="module")
def results() -> list[Result]:
    return [result_of("ours", perfect), result_of("StarDist", left_half)]


def test_the_table_has_a_row_for_every_rival_and_kind(results: list[Result]) -> None:
    assert format_comparison(results).splitlines() == [
        "                        images   AP50  mean AP   Dice     PQ",
        "all           ours           2  1.000    1.000  1.000  1.000",
        "              StarDist       2  0.750    0.750  0.833  0.833",
        "fluorescence  ours           1  1.000    1.000  1.000  1.000",
        "              StarDist       1  1.000    1.000  1.000  1.000",
        "stained       ours           1  1.000    1.000  1.000  1.000",
        "              StarDist       1  0.500    0.500  0.667  0.667",
    ]


def test_the_json_has_all_figures_of_every_rival(results: list[Result]) -> None:
    written = json.loads(json.dumps(to_json(results), allow_nan=False))
    assert list(written) == ["ours", "StarDist"]
    assert written["StarDist"]["about"] == {"steps": 3}
    assert written["StarDist"]["overall"]["ap50"] == 0.75
    assert written["StarDist"]["kinds"]["stained"]["n_images"] == 1
    assert [image["id"] for image in written["ours"]["images"]] == ["a", "b"]


def test_only_the_segmenting_is_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([10.0, 12.5, 20.0, 20.5])
    monkeypatch.setattr("benchmarks.comparison.time.perf_counter", lambda: next(clock))
    assert result_of("ours", perfect).seconds == 3.0


def test_every_image_is_announced() -> None:
    announced: list[str] = []
    score_rival(Rival("ours", perfect), ROWS, lambda image: announced.append(image.id))
    assert announced == ["a", "b"]
