from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from napari_nuclei.errors import DatasetError, InputError
from napari_nuclei.pipeline.evaluate import (
    ImageScores,
    Report,
    evaluate,
    format_table,
    save_figures,
)

FIGURES = {
    "pixel_accuracy", "dice", "iou", "ap50", "mean_ap", "pq", "ap", "n_true", "n_predicted",
}  # fmt: skip


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


ROWS = (
    Row("a", "stained", (1, 1, 0, 0, 0, 2, 2, 2, 2, 2)),
    Row("b", "fluorescence", (1, 1, 0, 0, 0, 0, 0, 0, 0, 0)),
    Row("c", "fluorescence", (1, 1, 0, 0, 0, 0, 0, 0, 0, 2)),
)


def left_half(image: NDArray[Any]) -> NDArray[np.int32]:
    """Find what lies in the left half and miss the rest."""
    labels = image.astype(np.int32)
    labels[:, image.shape[1] // 2 :] = 0
    return labels


@pytest.fixture(scope="module")
def report() -> Report:
    return evaluate(ROWS, left_half)


def test_images_keep_their_order_id_and_kind(report: Report) -> None:
    found = [(image.id, image.kind, image.scores.ap50) for image in report.per_image]
    assert found == [("a", "stained", 0.5), ("b", "fluorescence", 1.0), ("c", "fluorescence", 0.5)]


def test_means_are_over_images_and_over_the_images_of_a_kind(report: Report) -> None:
    assert report.overall.ap50 == pytest.approx((0.5 + 1 + 0.5) / 3)
    assert report.overall.pixel_accuracy == pytest.approx((0.5 + 1 + 0.9) / 3)
    assert {kind: scores.ap50 for kind, scores in report.per_kind.items()} == {
        "fluorescence": 0.75,
        "stained": 0.5,
    }
    assert (report.overall.n_true, report.overall.n_predicted) == (5, 3)


def test_each_result_is_announced_once() -> None:
    announced: list[ImageScores] = []
    report = evaluate(ROWS, left_half, announced.append)
    assert tuple(announced) == report.per_image


def test_nothing_to_evaluate_is_refused() -> None:
    with pytest.raises(DatasetError, match="no images"):
        evaluate((), left_half)


def test_an_image_that_cannot_be_scored_is_named() -> None:
    with pytest.raises(InputError, match=r"^a: .*shape \(1, 10\) .* \(1, 9\)"):
        evaluate(ROWS, lambda image: left_half(image)[:, 1:])


def test_json_has_the_promised_keys(report: Report) -> None:
    content = json.loads(json.dumps(report.to_json()))
    assert set(content) == {"overall", "kinds", "images"}
    assert set(content["overall"]) == FIGURES | {"n_images"}
    assert set(content["kinds"]) == {"fluorescence", "stained"}
    assert set(content["kinds"]["stained"]) == FIGURES | {"n_images"}
    assert [set(image) for image in content["images"]] == [FIGURES | {"id", "kind"}] * 3


def test_json_holds_the_scores(report: Report) -> None:
    content = report.to_json()
    assert content["overall"]["n_images"] == 3
    assert content["overall"]["ap50"] == report.overall.ap50
    assert content["kinds"]["fluorescence"]["n_images"] == 2
    assert list(content["overall"]["ap"])[::9] == ["0.50", "0.95"]
    assert tuple(content["images"][0]["ap"].values()) == report.per_image[0].scores.ap


def test_table_has_aligned_columns_and_a_row_a_kind(report: Report) -> None:
    assert format_table(report) == (
        "              pixel acc.   Dice    IoU   AP50  mean AP     PQ  nuclei  found  images\n"
        "all                0.800  0.748  0.651  0.667    0.667  0.778       5      3       3\n"
        "fluorescence       0.950  0.900  0.833  0.750    0.750  0.833       3      2       2\n"
        "stained            0.500  0.444  0.286  0.500    0.500  0.667       2      1       1"
    )


def test_figures_show_the_worst_and_the_best_once_each(report: Report, tmp_path: Path) -> None:
    paths = save_figures(report, ROWS, left_half, tmp_path / "figures", n=2)
    assert [path.name for path in paths] == ["worst-1-a.png", "worst-2-c.png", "best-1-b.png"]
    assert sorted(tmp_path.rglob("*.*")) == sorted(paths)


def test_figure_of_an_image_in_a_folder_stays_in_the_figures_folder(tmp_path: Path) -> None:
    rows = (Row("../train/x y", "image", (0, 1)),)
    (path,) = save_figures(evaluate(rows, left_half), rows, left_half, tmp_path)
    assert path == tmp_path / "worst-1-.._train_x_y.png"
    assert path.is_file()
