"""The recipe of a fine-tuning: which layers learn, how the time is spent, how little is forgotten.

All layers learn, with their batch normalisation in inference mode: its statistics come from
hundreds of images, and a handful would spoil them. Afterwards the weights are mixed with those of
the base model [1]_, in the proportion that is best on the held-out nuclei among those that forget
next to nothing.

References
----------
.. [1] Wortsman et al., "Robust fine-tuning of zero-shot models", CVPR 2022.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from napari_nuclei.core.appearance import AppearanceOptions
from napari_nuclei.core.augment import AugmentOptions
from napari_nuclei.model import trainer
from napari_nuclei.model.network import Network
from napari_nuclei.model.trainer import OptimizerOptions, Trainer
from napari_nuclei.pipeline.before_after import NOTICEABLE, Figures
from napari_nuclei.pipeline.crops import CropSampler
from napari_nuclei.pipeline.loop import Course, Phase, validation_batches
from napari_nuclei.pipeline.projects import Pair
from napari_nuclei.pipeline.recipe import FinetuneOptions, LearningRate
from napari_nuclei.pipeline.regions import Region, Split, score_regions, whole_region
from napari_nuclei.pipeline.samples import list_samples, read_sample

if TYPE_CHECKING:
    from napari_nuclei.model.predictor import Predictor
    from napari_nuclei.model.store import Model

_FROZEN = OptimizerOptions(freeze_batchnorm=True, freeze_decoder_batchnorm=True)
_SHARES = (0.25, 0.5, 0.75, 1.0)
_TILE_PX = 128
# The minute is for images like those that were corrected, not for other stains.
_AUGMENTATION = AugmentOptions(look=AppearanceOptions(stained_share=0))
_VALIDATION_CROPS = 8
# The first steps of Adam are as large as any and know little: at the full rate they do harm.
_WARMUP_SHARE, _WARMUP_STEPS = 0.1, 6
_PATIENCE = 4
_EPOCH_SECONDS = 6.0
# Of an epoch, what is not training: short epochs would only be scored.
_MAX_EXTRA_SHARE = 0.25
_EPOCHS = (4, 30)
# To write a checkpoint and a picture after an epoch, and the model at the end.
_WRITING_SECONDS = 1.5
_SAVING_SECONDS = 5.0


@dataclass(frozen=True)
class Scored:
    """A network on the nuclei that it was tuned for, and on those of the base model's domain."""

    held_out: Figures
    base_domain: Figures

    def is_forgetful(self, before: Scored) -> bool:
        """Tell whether noticeably less is found of what the base model was made for."""
        return self.base_domain.mean_ap < before.base_domain.mean_ap - NOTICEABLE


@dataclass(frozen=True)
class Plan:
    """How the time is spent: fixed when a run begins, the same when it is resumed."""

    epochs: int
    batches: int


@dataclass(frozen=True)
class Mix:
    """The network to keep: how large the share of the tuned weights is, and what it scores."""

    network: Network
    share: float
    scored: Scored


class Judge:
    """Scores networks on the same regions with the thresholds and diameters of one model.

    Parameters
    ----------
    model : Model
        The base model.
    held_out : sequence of Region
    """

    def __init__(self, model: Model, held_out: Sequence[Region]) -> None:
        self._model = model
        self._held_out = held_out
        self._base_domain = _bundled_sample()

    def held_out(self, predictor: Predictor) -> Figures:
        """Score on the held-out nuclei."""
        return self._score(predictor, self._held_out)

    def both(self, predictor: Predictor) -> Scored:
        """Score on the held-out nuclei and on the base model's domain."""
        return Scored(self.held_out(predictor), self._score(predictor, self._base_domain))

    def _score(self, predictor: Predictor, regions: Sequence[Region]) -> Figures:
        model = self._model
        return Figures.of(score_regions(predictor, regions, model.thresholds, model.diameters))


def copy_for_training(model: Model, seed: int) -> Trainer:
    """Return a trainer of a copy of the model's network."""
    trainer.set_seed(seed)
    return Trainer(model.network.to_keras(), model.network.config, _FROZEN)


def make_course(split: Split, model: Model, options: FinetuneOptions) -> Course:
    """Return what the training goes through, to be fitted to a plan: here it is one step long."""
    # One in which nuclei were deleted and none was corrected teaches background.
    taught = [region for region in split.training if region.checked.any()]
    frequencies = np.sqrt([1.0 + region.n_checked for region in taught])
    sampler = CropSampler(
        [region.source(model.diameters) for region in taught],
        frequencies / frequencies.sum(),
        _AUGMENTATION,
        _TILE_PX,
        options.batch_size,
        1,
        options.seed,
    )
    held_out = [region.source(model.diameters) for region in split.held_out]
    crops = -(-_VALIDATION_CROPS // len(held_out))
    return Course(
        (Phase(sampler, 1, LearningRate(options.learning_rate)),),
        validation_batches(held_out, crops, _TILE_PX, options.batch_size, options.seed),
    )


def fit(course: Course, plan: Plan) -> Course:
    """Return the course, of one phase, in the length of a plan."""
    steps = plan.epochs * plan.batches
    share = max(_WARMUP_SHARE, min(0.5, _WARMUP_STEPS / steps))
    (phase,) = course.phases
    fitted = Phase(
        replace(phase.sampler, batches=plan.batches),
        plan.epochs,
        replace(phase.learning_rate, warmup_share=share),
    )
    return replace(
        course,
        phases=(fitted,),
        # It gets worse at first as a rule: the rate is still high then.
        patience=max(_PATIENCE, plan.epochs // 2),
    )


def make_plan(
    teacher: Trainer, course: Course, seconds_left: float, seconds_to_score: float, max_steps: int
) -> Plan:
    """Return how many epochs of how many steps fit into the time that is left.

    Parameters
    ----------
    teacher : Trainer
        Its network is timed, and stays as it is.
    course : Course
        With one batch or more.
    seconds_left : float
        Until the model is to be there.
    seconds_to_score : float
        That one `Judge.both` takes.
    max_steps : int
        However much time is left.
    """
    batch = course.validation[0]
    started = time.monotonic()
    step = teacher.seconds_per_step(batch.images, batch.targets)
    seconds_left -= time.monotonic() - started + final_seconds(seconds_to_score)
    # A validation batch takes about as long as half a step.
    extra = seconds_to_score / 2 + len(course.validation) * step / 2 + _WRITING_SECONDS
    epoch = max(_EPOCH_SECONDS, extra / _MAX_EXTRA_SHARE)
    least, most = _EPOCHS
    epochs = int(np.clip(min(seconds_left / epoch, max_steps), least, most))
    batches = int(np.clip((seconds_left / epochs - extra) / step, 1, max(1, max_steps // epochs)))
    return Plan(epochs, batches)


def final_seconds(seconds_to_score: float) -> float:
    """Return how long it takes from the last epoch to the model."""
    return len(_SHARES) * seconds_to_score + _SAVING_SECONDS


def mix_weights(tuned: Network, base: Network, judge: Judge, before: Scored) -> Mix:
    """Return the best mix of the tuned weights with those of the base model.

    Of the mixes that forget next to nothing the one with the highest mean AP on the held-out
    nuclei; the one that forgets least where all forget.

    Parameters
    ----------
    tuned, base : Network
        Of one configuration.
    judge : Judge
        Of the run.
    before : Scored
        The base model.
    """
    networks = {share: _mixed(base, tuned, share) for share in _SHARES}
    mixes = [Mix(network, share, judge.both(network)) for share, network in networks.items()]
    harmless = [mix for mix in mixes if not mix.scored.is_forgetful(before)]
    return max(harmless, key=_gain) if harmless else max(mixes, key=_memory)


def _gain(mix: Mix) -> float:
    return mix.scored.held_out.mean_ap


def _memory(mix: Mix) -> float:
    return mix.scored.base_domain.mean_ap


def _mixed(base: Network, tuned: Network, share: float) -> Network:
    mixed = {n: (1 - share) * start + share * tuned.tensors[n] for n, start in base.tensors.items()}
    return Network(base.config, mixed)


def _bundled_sample() -> tuple[Region, ...]:
    (sample,) = (sample for sample in list_samples() if sample.bundled)
    data = read_sample(sample.key)
    return (whole_region(Pair(sample.key, data.image, data.labels)),)
