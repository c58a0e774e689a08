from __future__ import annotations

import errno
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from napari_nuclei import finetune
from napari_nuclei.errors import DatasetError, ModelError, RunError
from napari_nuclei.model import store
from napari_nuclei.pipeline import runs, tuning
from napari_nuclei.pipeline.before_after import read_report
from napari_nuclei.pipeline.finetune import finetune_steps
from napari_nuclei.pipeline.messages import EpochEnded, Finished, Started
from napari_nuclei.pipeline.projects import Pair, Project
from napari_nuclei.pipeline.regions import whole_region


@pytest.fixture(autouse=True)
def _small_sample(monkeypatch, sample):
    """Score what was forgotten on a part of the bundled image."""
    image, labels = sample
    part = Pair("part", image[:96, :96], labels[:96, :96])
    monkeypatch.setattr(tuning, "_bundled_sample", lambda: (whole_region(part),))


def numbers(messages):
    return [message.number for message in messages if isinstance(message, EpochEnded)]


def test_corrections_become_a_model_with_its_scores_and_its_origin(request_to_tune, tiny_model):
    before = (tiny_model / "weights.safetensors").read_bytes()
    run = Path(request_to_tune.folder)
    messages = []
    model = finetune(
        [Project(Path(request_to_tune.pairs)).read("discs")],
        tiny_model,
        folder=run,
        name="mine",
        notes="a note",
        on_message=messages.append,
        **vars(request_to_tune.options),
    )
    started, *epochs, finished = messages
    assert isinstance(started, Started)
    assert (started.epochs, started.checked_nuclei, started.held_out_nuclei) == (4, 6, 2)
    assert numbers(epochs) == [1, 2, 3, 4]
    assert all(Path(epoch.preview).is_file() for epoch in epochs)

    assert isinstance(finished, Finished)
    report = finished.report
    assert read_report(run / "report.json") == report
    assert (report.ending, report.epochs, report.checked_nuclei) == ("done", 4, 6)
    assert report.held_out.before == started.before
    assert report.share in (0.25, 0.5, 0.75, 1.0)

    base = store.load_model(tiny_model)
    assert (model.name, model.folder) == ("mine", run / "model")
    assert model.sha256 != base.sha256
    assert (model.thresholds, model.diameters) == (base.thresholds, base.diameters)
    origin = model.manifest.provenance
    assert origin["base"] == {"name": "tiny", "sha256": base.sha256}
    assert [pair["checked_nuclei"] for pair in origin["pairs"]] == [6]
    assert (origin["notes"], origin["metrics"]) == ("a note", report.to_json())
    assert (tiny_model / "weights.safetensors").read_bytes() == before

    # It is done: another session finds the model, and has nothing to train.
    assert not (run / "checkpoints").exists()
    again = finetune_steps(replace(request_to_tune, resume=True))
    assert list(again) == [finished]


def test_a_run_survives_a_full_disk_and_a_stop_and_ends_as_planned(request_to_tune, monkeypatch):
    original = Path.replace

    def full_in_the_second_epoch(self, target):
        if "epoch-0002.safetensors" in str(target):
            raise OSError(errno.ENOSPC, "No space left on device")
        return original(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", full_in_the_second_epoch)
        with pytest.raises(RunError, match=r"cannot write the checkpoint .*No space left"):
            list(finetune_steps(request_to_tune))
    folder = Path(request_to_tune.folder)
    assert len(runs.Run(folder, {}).history.epochs) == 1

    # Somebody may have gone on painting: what the run began with counts.
    shutil.rmtree(request_to_tune.pairs)
    resumed = replace(request_to_tune, resume=True)
    seen = []
    for message in finetune_steps(resumed, is_stopped=lambda: numbers(seen) == [2, 3]):
        seen.append(message)
    report = seen[-1].report
    assert (numbers(seen), report.ending, report.epochs) == ([2, 3], "stopped", 3)
    stopped = store.load_model(folder / "model")

    rest = list(finetune_steps(resumed))
    assert (rest[0].done, rest[0].epochs, numbers(rest)) == (3, 4, [4])
    assert (rest[-1].report.ending, rest[-1].report.epochs) == ("done", 4)
    assert store.load_model(folder / "model").sha256 != stopped.sha256


def test_a_folder_that_cannot_be_written_is_one_sentence(request_to_tune, tmp_path):
    (tmp_path / "file").write_text("")
    request = replace(request_to_tune, folder=str(tmp_path / "file" / "run"))
    with pytest.raises(RunError, match="cannot be written"):
        list(finetune_steps(request))


def test_stopped_at_once_nothing_is_learnt_and_nothing_stays(request_to_tune):
    with pytest.raises(RunError, match="before its first epoch ended"):
        list(finetune_steps(request_to_tune, is_stopped=lambda: True))
    assert not Path(request_to_tune.folder).exists()


def test_too_few_nuclei_leave_no_folder(tiny_model, tmp_path):
    labels = np.zeros((40, 40), np.int32)
    labels[5:15, 5:15] = 1
    with pytest.raises(DatasetError, match="two checked nuclei"):
        finetune([Pair("one", labels, labels)], tiny_model, folder=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_no_images_are_one_sentence(request_to_tune, tmp_path):
    with pytest.raises(DatasetError, match="no images to learn from"):
        list(finetune_steps(replace(request_to_tune, pairs=str(tmp_path / "nowhere"))))


def test_the_name_of_the_shipped_model_is_refused_before_any_work(request_to_tune):
    with pytest.raises(ModelError, match="that of the shipped model"):
        list(finetune_steps(replace(request_to_tune, name="Default")))
    assert not Path(request_to_tune.folder).exists()


def test_another_training_is_not_resumed_as_a_fine_tuning(request_to_tune):
    folder = Path(request_to_tune.folder)
    runs.start(folder, dict.fromkeys(runs.TRAINING, "x"))
    with pytest.raises(RunError, match="not the record of a training"):
        list(finetune_steps(replace(request_to_tune, resume=True)))


def test_a_run_goes_on_with_its_own_base_model_alone(request_to_tune, tiny_model):
    asked = dict.fromkeys(("name", "notes", "data"), "x")
    base = {"name": "tiny", "sha256": "0" * 64, "folder": str(tiny_model)}
    options = vars(request_to_tune.options)
    runs.start(Path(request_to_tune.folder), {**asked, "base": base, "options": options})
    with pytest.raises(RunError, match="not the base model of this run any more"):
        list(finetune_steps(replace(request_to_tune, resume=True)))
