from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from napari_nuclei.core.augment import NO_AUGMENTATION
from napari_nuclei.model import store, unet
from napari_nuclei.model.network import Network
from napari_nuclei.pipeline import tuning
from napari_nuclei.pipeline.before_after import Figures
from napari_nuclei.pipeline.crops import CropSampler
from napari_nuclei.pipeline.loop import Course, Phase
from napari_nuclei.pipeline.recipe import LearningRate
from napari_nuclei.pipeline.tuning import Plan, Scored, fit, make_plan, mix_weights


def figures(mean_ap):
    return Figures(mean_ap, mean_ap, 9)


def scored(held_out, base_domain):
    return Scored(figures(held_out), figures(base_domain))


class FakeJudge:
    """Knows the score of each mix in the order in which they are tried."""

    def __init__(self, *answers):
        self.answers = iter(answers)

    def both(self, predictor):
        return next(self.answers)


@pytest.mark.parametrize(
    ("answers", "share"),
    [
        ([scored(0.3, 0.7), scored(0.4, 0.7), scored(0.6, 0.7), scored(0.5, 0.7)], 0.75),
        # The best of those that forget next to nothing.
        ([scored(0.3, 0.7), scored(0.4, 0.7), scored(0.5, 0.695), scored(0.9, 0.6)], 0.75),
        # All forget: the one that forgets least.
        ([scored(0.3, 0.64), scored(0.4, 0.65), scored(0.5, 0.6), scored(0.9, 0.5)], 0.5),
    ],
)
def test_the_best_mix_that_does_not_forget_is_kept(tiny_model, answers, share):
    base = store.load_model(tiny_model).network
    tuned = Network.of(unet.build(base.config), base.config)
    mix = mix_weights(tuned, base, FakeJudge(*answers), scored(0.3, 0.7))
    assert mix.share == share
    name = "up_1_conv/kernel"
    np.testing.assert_allclose(
        mix.network.tensors[name],
        (1 - share) * base.tensors[name] + share * tuned.tensors[name],
        atol=1e-6,
    )


@pytest.mark.parametrize(
    ("seconds_left", "max_steps", "plan"),
    [
        # 60 s less 4 x 1 s to score and 5 s to save: 5 epochs of 10 s, a quarter of it extra.
        (60.0, 10_000, Plan(5, 15)),
        (60.0, 18, Plan(5, 3)),
        (600.0, 90, Plan(30, 3)),
        # However little time there is, something is learnt.
        (1.0, 10_000, Plan(4, 1)),
    ],
)
def test_the_plan_fits_into_the_time(monkeypatch, seconds_left, max_steps, plan):
    monkeypatch.setattr(tuning.time, "monotonic", lambda: 0.0)
    batch = SimpleNamespace(images=None, targets=None)
    course = SimpleNamespace(validation=[batch, batch])
    teacher = SimpleNamespace(seconds_per_step=lambda images, targets: 0.5)
    assert make_plan(teacher, course, seconds_left, 1.0, max_steps) == plan


@pytest.mark.parametrize(("plan", "warmup"), [(Plan(4, 3), 6), (Plan(4, 1), 2), (Plan(8, 20), 16)])
def test_the_rate_rises_for_some_steps_however_few_there_are(plan, warmup):
    sampler = CropSampler([], np.zeros(0), NO_AUGMENTATION, 64, 2, 1, 0)
    course = fit(Course((Phase(sampler, 1, LearningRate(1.0)),), []), plan)
    (phase,) = course.phases
    rates = [rate for epoch in range(plan.epochs) for rate in phase.rates(epoch)]
    assert len(rates) == plan.epochs * plan.batches
    assert course.patience == 4
    assert int(np.argmax(rates)) == warmup - 1
