from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace

import imageio.v3 as iio
import numpy as np
import pytest

from napari_nuclei.core import augment
from napari_nuclei.core.augment import CALM, NO_AUGMENTATION, AugmentOptions
from napari_nuclei.errors import DatasetError, ModelError, RunError
from napari_nuclei.model import store
from napari_nuclei.model.contents import MANIFEST_FILE
from napari_nuclei.model.trainer import Trainer
from napari_nuclei.pipeline import reports, runs
from napari_nuclei.pipeline.datasets import open_dataset
from napari_nuclei.pipeline.recipe import TrainOptions
from napari_nuclei.pipeline.segment import segment
from napari_nuclei.pipeline.steps import result_of
from napari_nuclei.pipeline.training import steps_from_scratch, train

TINY = TrainOptions(
    epochs=2, batch_size=2, crops_per_image=2, decoder_filters=(8, 8, 8, 8), tile_px=64
)


@pytest.fixture
def dataset(tmp_path):
    """Four images of two bright discs with their labels, larger than a tile."""
    y, x = np.indices((64, 300))
    for folder in ("images", "labels"):
        (tmp_path / "pairs" / folder).mkdir(parents=True)
    for index in range(4):
        labels = np.zeros((64, 300), np.uint8)
        labels[(y - 20 - index) ** 2 + (x - 20) ** 2 < 100] = 1
        labels[(y - 40) ** 2 + (x - 60 + index) ** 2 < 120] = 2
        image = np.where(labels > 0, 200, 20).astype(np.uint8)
        iio.imwrite(tmp_path / "pairs" / "images" / f"{index}.png", image)
        iio.imwrite(tmp_path / "pairs" / "labels" / f"{index}.png", labels)
    return open_dataset(tmp_path / "pairs")


def test_training_leaves_model_scores_curves_and_pictures(dataset, tmp_path):
    rows = []
    run = tmp_path / "run"
    folder = train(
        dataset, run, TINY, val_fraction=0.25, name="mine", tensorboard=True, on_epoch=rows.append
    )
    assert [epoch.number for epoch in rows] == [1, 2]
    assert {"loss", "val_loss", "pixel_accuracy", "val_pixel_iou"} <= rows[0].row.keys()
    model = store.load_model(folder)
    assert model.name == "mine"
    assert model.manifest.provenance["training"]["images"] == 3
    assert segment(dataset.items[0].read_image(), model).labels.shape == (64, 300)
    pictures = sorted(path.name for path in (run / "pictures").iterdir())
    assert pictures == ["epoch-0000.png", "epoch-0001.png", "epoch-0002.png"]
    assert iio.imread(run / "curves.png").ndim == 3
    assert list((run / "examples").iterdir())
    assert list((run / "tensorboard").iterdir())
    metrics = json.loads((run / "metrics.json").read_text())
    assert len(metrics["epochs"]) == 2
    assert metrics["held_out"]["overall"]["n_images"] == 1

    # Killed while the model was saved: nothing is left to train, and the model is the same.
    (folder / MANIFEST_FILE).unlink()
    assert train(dataset, run, resume=True) == folder
    assert store.load_model(folder).sha256 == model.sha256


@pytest.mark.parametrize(
    ("is_augmented", "first", "second"),
    [(True, AugmentOptions(), CALM), (False, NO_AUGMENTATION, NO_AUGMENTATION)],
)
def test_calm_epochs_follow_the_others(dataset, tmp_path, monkeypatch, is_augmented, first, second):
    drawn = []
    random_crop = augment.random_crop

    def watched(source, tile_px, options, rng):
        drawn.append(options)
        return random_crop(source, tile_px, options, rng)

    monkeypatch.setattr(augment, "random_crop", watched)
    options = replace(TINY, epochs=1, calm_epochs=1, augment=is_augmented)
    epochs = []
    train(dataset, tmp_path / "run", options, val_fraction=0.25, on_epoch=epochs.append)
    assert [epoch.number for epoch in epochs] == [1, 2]
    # Two crops for validation are drawn before the first step, then six an epoch.
    assert drawn[2:] == [first] * 6 + [second] * 6


def test_a_resumed_run_goes_on_as_if_never_stopped(dataset, tmp_path):
    train_items, val_items = dataset.items[:3], dataset.items[3:]
    whole = runs.start(tmp_path / "whole", {})
    options = replace(TINY, dropout=0.0)
    result_of(steps_from_scratch(whole, train_items, val_items, options))

    stopped = runs.start(tmp_path / "stopped", {})
    steps = steps_from_scratch(stopped, train_items, val_items, options)
    assert [next(steps).number, next(steps).number] == [0, 1]
    steps.close()
    numbers = [e.number for e in steps_from_scratch(stopped, train_items, val_items, options)]
    assert numbers == [2]

    assert len(stopped.history.epochs) == len(whole.history.epochs) == 2
    resumed, newest = stopped.load_newest()[1], whole.load_newest()[1]
    assert resumed.keys() == newest.keys()
    assert resumed["optimizer/0000"] == newest["optimizer/0000"] == 6
    for name in ("loss", "val_loss"):
        losses = [run.history.epochs[1][name] for run in (whole, stopped)]
        assert losses[0] == pytest.approx(losses[1], rel=0.01)


def test_a_killed_run_resumes_at_the_epoch_it_had_reached(dataset, tmp_path):
    command = [sys.executable, "-m", "napari_nuclei", "train", str(dataset.path)]
    command += ["-o", str(tmp_path / "run"), "--epochs", "4", "--batch-size", "2"]
    command += ["--crops-per-image", "2", "--decoder-filters", "8,8,8,8"]
    history = tmp_path / "run" / "history.json"
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while not history.exists():
            with pytest.raises(subprocess.TimeoutExpired):
                child.wait(timeout=0.05)
    finally:
        child.kill()
        child.wait()

    reached = len(runs.reopen(tmp_path / "run").history.epochs)
    seen = []
    train(dataset, tmp_path / "run", resume=True, on_epoch=lambda epoch: seen.append(epoch.number))
    assert seen == list(range(reached + 1, 5))


@pytest.mark.parametrize(
    ("place", "is_left", "again"),
    [("draw_epoch", False, "start again"), ("draw_curves", True, "resume")],
)
def test_a_full_disk_is_one_sentence_and_costs_no_epoch(
    dataset, tmp_path, monkeypatch, place, is_left, again
):
    def refuse(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(reports, place, refuse)
        words = rf"run: cannot be written \(No space left on device\); make room and {again}\."
        with pytest.raises(RunError, match=words):
            train(dataset, tmp_path / "run", TINY, val_fraction=0.25)
    assert (tmp_path / "run").exists() == is_left
    if is_left:
        later = []
        train(dataset, tmp_path / "run", resume=True, on_epoch=later.append)
        assert [epoch.number for epoch in later] == [2]


def test_the_fault_of_a_listener_is_not_called_one_of_the_disk(dataset, tmp_path):
    def gone(_):
        raise OSError(22, "Invalid argument")

    with pytest.raises(OSError, match="Invalid argument"):
        train(dataset, tmp_path / "run", replace(TINY, epochs=1), on_epoch=gone)
    train(dataset, tmp_path / "run", resume=True)
    assert (tmp_path / "run" / "model").exists()


def test_a_run_that_another_process_is_at_is_left_alone(dataset, tmp_path):
    train(dataset, tmp_path / "run", replace(TINY, epochs=1))
    with (
        runs.hold(runs.reopen(tmp_path / "run")),
        pytest.raises(RunError, match="another process is still at it"),
    ):
        train(dataset, tmp_path / "run", resume=True)
    assert (tmp_path / "run" / "model").exists()


def test_a_single_image_cannot_be_split(dataset, tmp_path):
    alone = type(dataset)(dataset.path, dataset.layout, dataset.items[:1])
    with pytest.raises(DatasetError, match="training needs two images or more"):
        train(alone, tmp_path / "run", TINY)
    assert not (tmp_path / "run").exists()


def test_a_training_that_never_began_leaves_no_folder(dataset, tmp_path):
    broken = tmp_path / "encoder.safetensors"
    broken.write_text("no tensors")
    options = replace(TINY, encoder_weights=str(broken))
    with pytest.raises(ModelError, match="cannot read the encoder weights"):
        train(dataset, tmp_path / "run", options)
    assert not (tmp_path / "run").exists()


def test_a_training_that_diverges_is_stopped(dataset, tmp_path, monkeypatch):
    def nowhere(*batch):
        return {"loss": float("nan")}

    monkeypatch.setattr(Trainer, "train", nowhere)
    run = runs.start(tmp_path / "run", {})
    with pytest.raises(RunError, match=r"diverged in epoch 1: .* lower learning rate"):
        list(steps_from_scratch(run, dataset.items[:3], dataset.items[3:], TINY))
    assert run.history.epochs == ()


@pytest.mark.parametrize(
    ("name", "encoder_weights", "message"),
    [("../mine", "imagenet", "model name"), ("mine", "nowhere.safetensors", "no such file")],
)
def test_what_would_fail_at_the_end_is_refused_at_the_start(
    dataset, tmp_path, name, encoder_weights, message
):
    options = replace(TINY, encoder_weights=encoder_weights)
    with pytest.raises(ModelError, match=message):
        train(dataset, tmp_path / "run", options, name=name)
    assert not (tmp_path / "run").exists()


def test_a_run_resumes_only_with_its_own_images(dataset, tmp_path):
    ids = [item.id for item in dataset.items]
    kinds = {"train": dict.fromkeys(ids[:2], "image"), "val": {"gone": "image"}}
    request = {"name": "mine", "data": "pairs", "options": TINY.to_json(), **kinds}
    runs.start(tmp_path / "run", request)
    with pytest.raises(RunError, match="1 images of the run are missing, gone for one"):
        train(dataset, tmp_path / "run", resume=True)
