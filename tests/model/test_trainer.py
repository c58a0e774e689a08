from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from napari_nuclei.errors import ModelError
from napari_nuclei.model import trainer, unet
from napari_nuclei.model.trainer import OptimizerOptions, Trainer

TINY = unet.UNetConfig((8, 8, 8, 8))
RATE = 1e-3


def _batch() -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return two dark tiles with a bright square nucleus each, and their targets."""
    targets = np.zeros((2, 64, 64, 4), np.float32)
    targets[0, 10:30, 20:40, [0, 2]] = 1
    targets[1, 30:60, 5:35, [0, 2]] = 1
    targets[..., 3] = 1
    images = np.repeat(0.1 + 0.8 * targets[..., :1], 3, axis=-1)
    return images, targets


def _snapshot(teacher: Trainer) -> dict[str, NDArray[Any]]:
    return {**teacher.weights(), **teacher.optimizer_state()}


def _assert_same(one: dict[str, NDArray[Any]], other: dict[str, NDArray[Any]]) -> None:
    assert one.keys() == other.keys()
    for name, tensor in one.items():
        np.testing.assert_array_equal(tensor, other[name], err_msg=name)


@pytest.fixture(scope="module")
def teacher() -> Trainer:
    """Return a trainer that took one step; each test goes on from where the last one left it."""
    import keras

    keras.utils.set_random_seed(0)
    network = unet.build(TINY)
    trainer.load_encoder(network)
    teacher = Trainer(network, TINY, OptimizerOptions())
    network.run_eagerly = True  # a few steps are faster than compiling one
    teacher.train(*_batch(), RATE)
    return teacher


def test_steps_on_one_batch_lower_its_loss(teacher: Trainer) -> None:
    losses = [teacher.train(*_batch(), RATE)["loss"] for _ in range(6)]

    assert losses[-1] < 0.9 * losses[0]


def test_scores_are_those_of_the_batch_alone(teacher: Trainer) -> None:
    images, targets = _batch()

    first = teacher.test(images, targets)
    teacher.test(images, 1 - targets)

    assert first.keys() == {"loss", "pixel_crossentropy", "pixel_accuracy", "pixel_iou"}
    assert teacher.test(images, targets) == first
    assert 0 <= first["pixel_accuracy"] <= 1


def test_a_test_changes_nothing(teacher: Trainer) -> None:
    before = _snapshot(teacher)

    teacher.test(*_batch())

    _assert_same(_snapshot(teacher), before)


def test_what_was_returned_does_not_change_with_the_next_step(teacher: Trainer) -> None:
    weights = teacher.weights()
    copies = {name: tensor.copy() for name, tensor in weights.items()}

    teacher.train(*_batch(), RATE)

    _assert_same(weights, copies)


def test_a_step_after_a_restore_is_the_step_that_followed(teacher: Trainer) -> None:
    saved = _snapshot(teacher)
    logs = teacher.train(*_batch(), RATE)
    expected = teacher.weights()
    teacher.train(*_batch(), RATE)

    teacher.restore(saved)

    _assert_same(_snapshot(teacher), saved)
    # The order of sums varies with the threads, so the last digits may differ.
    assert teacher.train(*_batch(), RATE) == pytest.approx(logs, rel=1e-4)
    for name, tensor in teacher.weights().items():
        np.testing.assert_allclose(tensor, expected[name], atol=1e-4, err_msg=name)


def test_a_snapshot_predicts_what_the_network_did_then(teacher: Trainer) -> None:
    images, _ = _batch()
    before = np.asarray(teacher.network(images, training=False))

    snapshot = teacher.snapshot()
    teacher.train(*_batch(), RATE)

    np.testing.assert_allclose(snapshot.logits(images), before, atol=1e-4)


def test_a_new_trainer_takes_over_the_state_of_another(teacher: Trainer) -> None:
    other = Trainer(unet.build(TINY), TINY, OptimizerOptions())

    other.restore(_snapshot(teacher))

    _assert_same(_snapshot(other), _snapshot(teacher))


@pytest.mark.parametrize(
    "damage",
    [
        lambda tensors: tensors.pop("logits/bias"),
        lambda tensors: tensors.pop("optimizer/0001"),
        lambda tensors: tensors.update({"extra/kernel": np.zeros(1)}),
        lambda tensors: tensors.update({"logits/bias": np.zeros(4)}),
        lambda tensors: tensors.update({"logits/bias": np.full(3, np.inf)}),
    ],
    ids=["no weight", "no optimizer", "one too many", "shape", "infinite"],
)
def test_wrong_tensors_are_refused_and_change_nothing(damage: Any, teacher: Trainer) -> None:
    before = _snapshot(teacher)
    tensors = {name: tensor * 0 for name, tensor in before.items()}
    damage(tensors)

    with pytest.raises(ModelError):
        teacher.restore(tensors)

    _assert_same(_snapshot(teacher), before)


def test_a_frozen_encoder_stays_as_it_is_with_its_statistics() -> None:
    network = unet.build(TINY)
    teacher = Trainer(network, TINY, OptimizerOptions(freeze_encoder=True))
    network.run_eagerly = True
    encoder = {layer.name for layer in unet.encoder_layers(network)}
    before = teacher.weights()

    teacher.train(*_batch(), RATE)

    after = teacher.weights()
    changed = {name for name in before if not np.array_equal(before[name], after[name])}
    assert not {name for name in changed if name.split("/")[0] in encoder}
    assert {"up_1_conv/kernel", "up_1_BN/moving_mean", "logits/bias"} <= changed


def test_a_frozen_batch_normalisation_stays_while_the_encoder_learns() -> None:
    network = unet.build(TINY)
    teacher = Trainer(network, TINY, OptimizerOptions(freeze_batchnorm=True))
    network.run_eagerly = True
    before = teacher.weights()

    teacher.train(*_batch(), RATE)

    after = teacher.weights()
    changed = {name for name in before if not np.array_equal(before[name], after[name])}
    assert not {name for name in changed if "BN" in name and not name.startswith("up_")}
    assert {"block_1_expand/kernel", "up_1_BN/moving_mean", "logits/bias"} <= changed


def test_the_decoders_statistics_can_stay_as_well() -> None:
    network = unet.build(TINY)
    frozen = OptimizerOptions(freeze_batchnorm=True, freeze_decoder_batchnorm=True)
    teacher = Trainer(network, TINY, frozen)
    network.run_eagerly = True
    before = teacher.weights()

    teacher.train(*_batch(), RATE)

    after = teacher.weights()
    changed = {name for name in before if not np.array_equal(before[name], after[name])}
    assert not {name for name in changed if "BN" in name}
    assert {"block_1_expand/kernel", "up_1_conv/kernel", "logits/bias"} <= changed


def test_timing_a_step_changes_nothing(teacher: Trainer) -> None:
    before = teacher.weights() | teacher.optimizer_state()

    assert teacher.seconds_per_step(*_batch()) > 0

    after = teacher.weights() | teacher.optimizer_state()
    for name, tensor in before.items():
        np.testing.assert_array_equal(after[name], tensor)


def test_the_learning_rate_of_a_step_counts(teacher: Trainer) -> None:
    before = teacher.weights()["logits/kernel"]

    teacher.train(*_batch(), 0.0)

    np.testing.assert_array_equal(teacher.weights()["logits/kernel"], before)


@pytest.mark.parametrize("content", [None, b"", b"no tensors in here"])
def test_an_unreadable_encoder_is_refused(
    content: bytes | None, tmp_path: Path, tiny_network: Any
) -> None:
    path = tmp_path / "encoder.safetensors"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(ModelError, match="cannot read the encoder weights"):
        trainer.load_encoder(tiny_network, str(path))
