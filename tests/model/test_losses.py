from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from napari_nuclei.model import losses

SURE = 50.0
"""A logit whose probability is 1 in float32."""


def _target(*pixels: tuple[float, float, float, float]) -> NDArray[np.float32]:
    """Return one row of pixels: nucleus, border, distance, weight."""
    return np.array(pixels, np.float32)[np.newaxis, np.newaxis]


def _logits(*pixels: tuple[float, float, float]) -> NDArray[np.float32]:
    return np.array(pixels, np.float32)[np.newaxis, np.newaxis]


def _loss(target: Any, logits: Any) -> float:
    return float(losses.nuclei_loss(target, logits))


def test_a_perfect_prediction_costs_nothing() -> None:
    target = _target((1, 0, 1, 1), (1, 1, 0, 1), (0, 0, 0, 1), (1, 0, 0.5, 1))
    logits = _logits(
        (SURE, -SURE, SURE), (SURE, SURE, -SURE), (-SURE, -SURE, -SURE), (SURE, -SURE, 0)
    )

    assert _loss(target, logits) == pytest.approx(0, abs=1e-4)


def test_the_loss_of_one_undecided_pixel() -> None:
    # Logit 0 means 1/2 everywhere: ln 2 for the nucleus; 4 times ln 2 for the border;
    # ln 2 for the distance; and half of 1 - (2 * 1/2 + 1) / (1 + 1/2 + 1) for the overlap.
    expected = np.log(2) * (1 + 4 + 1) + 0.5 * (1 - 2 / 2.5)

    assert _loss(_target((1, 1, 1, 1)), _logits((0, 0, 0))) == pytest.approx(expected, rel=1e-5)


def test_a_pixel_off_the_border_weighs_a_quarter_of_one_on_it() -> None:
    def border_share(target: float) -> float:
        undecided = _loss(_target((0, target, 0, 1)), _logits((-SURE, 0, -SURE)))
        return undecided - _loss(
            _target((0, target, 0, 1)), _logits((-SURE, SURE * (2 * target - 1), -SURE))
        )

    assert border_share(1) == pytest.approx(4 * border_share(0), rel=1e-5)


@pytest.mark.parametrize(
    "function", [losses.nuclei_loss, *losses.metrics()], ids=lambda function: function.__name__
)
def test_pixels_of_weight_0_have_no_influence(function: Any) -> None:
    seen = (1, 0, 0.5, 1)
    one = function(_target(seen, (0, 0, 0, 0)), _logits((1, 2, 3), (-9, -9, -9)))
    other = function(_target(seen, (1, 1, 1, 0)), _logits((1, 2, 3), (7, 5, 3)))

    assert float(one) == pytest.approx(float(other), rel=1e-6)


def test_a_batch_without_any_weight_costs_a_finite_amount() -> None:
    assert _loss(_target((1, 1, 1, 0)), _logits((9, 9, 9))) == pytest.approx(0)


def test_a_distance_costs_least_where_it_is_right() -> None:
    def cost(logit: float) -> float:
        return _loss(_target((0, 0, 0.8, 1)), _logits((-SURE, -SURE, logit)))

    right = float(np.log(0.8 / 0.2))
    assert cost(right) == pytest.approx(0, abs=1e-4)
    assert cost(right) < min(cost(right - 0.5), cost(right + 0.5))


def test_logits_of_any_size_give_a_finite_loss() -> None:
    assert np.isfinite(_loss(_target((1, 1, 1, 1), (0, 0, 0, 1)), _logits((-1e4,) * 3, (1e4,) * 3)))


def test_metrics_of_four_pixels() -> None:
    # One pixel right and inside, one right and outside, one too much, one missed.
    target = _target((1, 0, 0, 1), (0, 0, 0, 1), (0, 0, 0, 1), (1, 0, 0, 1))
    logits = _logits((2, 0, 0), (-2, 0, 0), (2, 0, 0), (-2, 0, 0))

    right, wrong = np.log1p(np.exp(-2)), np.log1p(np.exp(2))
    assert float(losses.pixel_accuracy(target, logits)) == pytest.approx(0.5)
    assert float(losses.pixel_iou(target, logits)) == pytest.approx(1 / 3)
    expected = (2 * right + 2 * wrong) / 4
    assert float(losses.pixel_crossentropy(target, logits)) == pytest.approx(expected, rel=1e-5)
