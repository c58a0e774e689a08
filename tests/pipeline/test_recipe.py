from __future__ import annotations

import json
import re

import pytest

from napari_nuclei.errors import RunError
from napari_nuclei.pipeline.recipe import FinetuneOptions, LearningRate, TrainOptions


def test_learning_rate_rises_then_falls_to_zero():
    rates = [LearningRate(1.0)(step, 100) for step in range(100)]
    assert rates[:3] == pytest.approx([1 / 3, 2 / 3, 1])
    assert rates[3:] == sorted(rates[3:], reverse=True)
    assert rates[51] == pytest.approx(0.5, abs=0.01)
    assert rates[99] == pytest.approx(0, abs=1e-3)


@pytest.mark.parametrize("kind", [TrainOptions, FinetuneOptions])
@pytest.mark.parametrize("content", [{"of_a_later_version": 1}, {"learning_rate": "x"}, [1], "x"])
def test_options_of_another_version_are_one_sentence(kind, content):
    with pytest.raises(RunError, match="another version of napari-nuclei: start a new run"):
        kind.from_json(content)


def test_one_step_is_trained_at_the_full_rate():
    assert LearningRate(0.1)(0, 1) == 0.1


@pytest.mark.parametrize("diameters_px", [None, (24.0, 48.5)])
def test_options_survive_json(diameters_px):
    options = TrainOptions(
        epochs=3, decoder_filters=(8, 7, 6, 5), freeze_encoder=True, diameters_px=diameters_px
    )
    assert TrainOptions.from_json(json.loads(json.dumps(options.to_json()))) == options


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("epochs", 0),
        ("calm_epochs", -1),
        ("batch_size", 0),
        ("crops_per_image", -1),
        ("tile_px", 100),
        ("learning_rate", 0.0),
        ("learning_rate", float("nan")),
        ("weight_decay", -0.1),
        ("dropout", 1.0),
        ("decoder_filters", (2048, 8, 8, 8)),
        ("diameters_px", (48, 24)),
        ("diameters_px", (0, 24)),
    ],
)
def test_impossible_options_are_refused(field, value):
    with pytest.raises(RunError, match=re.escape(str(value))):
        TrainOptions(**{field: value})


@pytest.mark.parametrize("kind", [TrainOptions, FinetuneOptions])
@pytest.mark.parametrize("seed", [-1, 2**32])
def test_seeds_that_numpy_does_not_take_are_refused(kind, seed):
    with pytest.raises(RunError, match=f"The seed is {seed}: choose one from 0 to 4294967295"):
        kind(seed=seed)
    assert kind(seed=2**32 - 1).seed == 2**32 - 1
