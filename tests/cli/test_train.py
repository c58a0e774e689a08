from __future__ import annotations

import json
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from napari_nuclei.cli import train as train_command
from napari_nuclei.model.store import load_model
from napari_nuclei.pipeline.loop import Epoch
from napari_nuclei.pipeline.recipe import TrainOptions

if TYPE_CHECKING:
    from conftest import Command

Calls = list[dict[str, Any]]


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Calls:
    """Put something that only remembers its arguments in the place of the training."""
    made: Calls = []

    def remember(dataset: Any, folder: Path, options: TrainOptions, **others: Any) -> Path:
        made.append({"dataset": dataset, "folder": folder, "options": options, **others})
        return folder / "model"

    monkeypatch.setattr(train_command, "train", remember)
    return made


def test_without_options_the_recipe_is_the_default(
    command: Command, pairs: Path, calls: Calls
) -> None:
    done = command("train", pairs, "-o", "run")
    assert (done.status, done.out) == (0, f"model: {Path('run', 'model')}\n")
    (call,) = calls
    assert call["options"] == TrainOptions()
    assert (call["folder"], call["tensorboard"], call["resume"]) == (Path("run"), False, False)
    assert [item.id for item in call["dataset"].items] == ["a", "b", "c"]


def test_every_option_reaches_the_training(command: Command, pairs: Path, calls: Calls) -> None:
    command(
        "train", pairs, "-o", "run", "--epochs", 3, "--batch-size", 2, "--crops-per-image", 5,
        "--learning-rate", 0.01, "--weight-decay", 0.02, "--dropout", 0.3, "--seed", 7,
        "--freeze-encoder", "--encoder-weights", "random", "--decoder-filters", "8,7,6,5",
        "--freeze-batchnorm", "--diameters", "20,40.5", "--no-augment", "--val-fraction", 0.4,
        "--name", "mine", "--tensorboard",
    )  # fmt: skip
    (call,) = calls
    assert call["options"] == TrainOptions(
        epochs=3, batch_size=2, crops_per_image=5, learning_rate=0.01, weight_decay=0.02,
        dropout=0.3, seed=7, freeze_encoder=True, encoder_weights="random",
        decoder_filters=(8, 7, 6, 5), augment=False, freeze_batchnorm=True,
        diameters_px=(20, 40.5),
    )  # fmt: skip
    assert (call["val_fraction"], call["name"], call["tensorboard"]) == (0.4, "mine", True)


def test_a_splits_file_chooses_the_images(
    command: Command, pairs: Path, calls: Calls, tmp_path: Path
) -> None:
    splits = tmp_path / "splits.csv"
    splits.write_text("image_id,kind,split\na,dark,train\nb,dark,val\nc,light,train\n")
    command("train", pairs, "--splits", splits, "-o", "run")
    command("train", pairs, "--splits", splits, "--split", "val", "-o", "run")
    chosen = [[(item.id, item.kind) for item in call["dataset"].items] for call in calls]
    assert chosen == [[("a", "dark"), ("c", "light")], [("b", "dark")]]


def test_resuming_goes_on_with_the_recipe_of_the_run(
    command: Command, pairs: Path, calls: Calls, tmp_path: Path
) -> None:
    options = TrainOptions(epochs=9).to_json()
    request = {"name": "mine", "data": "pairs", "options": options, "train": {}, "val": {}}
    (tmp_path / "run.json").write_text(json.dumps(request))
    command("train", pairs, "-o", tmp_path, "--resume")
    row = {"loss": 0.21, "val_loss": 0.25, "val_pixel_accuracy": 0.967, "val_pixel_iou": 0.79}
    (call,) = calls
    assert call["resume"]
    assert command_line_of(call, row | {"seconds": 88.4}) == (
        "epoch 3/9  loss 0.210  val loss 0.250  accuracy 0.967  IoU 0.79  88 s"
    )


def command_line_of(call: dict[str, Any], row: dict[str, float]) -> str:
    """Return what the training's callback prints for the third epoch."""
    with redirect_stdout(StringIO()) as printed:
        call["on_epoch"](Epoch(3, row, network=None))
    return printed.getvalue().rstrip()


def test_resuming_what_never_began_is_one_line(
    command: Command, pairs: Path, tmp_path: Path
) -> None:
    done = command("train", pairs, "-o", tmp_path / "run", "--resume")
    assert (done.status, done.out) == (1, "")
    assert "no training run to resume" in done.err
    assert done.err.count("\n") == 1


def test_the_name_of_the_shipped_model_is_refused_before_any_work(
    command: Command, pairs: Path, tmp_path: Path
) -> None:
    done = command("train", pairs, "-o", tmp_path / "run", "--name", "default")
    assert (done.status, done.out) == (1, "")
    assert "the shipped model: choose another" in done.err
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_real_training_prints_a_line_an_epoch_and_leaves_a_model(
    command: Command, pairs: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    recipe = ("--epochs", 1, "--batch-size", 2, "--crops-per-image", 1)
    network = ("--decoder-filters", "8,8,8,8", "--encoder-weights", "random")
    done = command("train", pairs, "-o", run, *recipe, *network)
    assert (done.status, done.err) == (0, "")
    epoch, model = done.out.splitlines()
    assert epoch.startswith("epoch 1/1  loss ")
    assert model == f"model: {run / 'model'}"
    assert load_model(run / "model").name == "my-model"
