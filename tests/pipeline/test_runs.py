from __future__ import annotations

import errno
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from napari_nuclei.errors import RunError
from napari_nuclei.pipeline import runs
from napari_nuclei.pipeline.history import History

WEIGHTS = {"conv/kernel": np.arange(6, dtype=np.float32).reshape(2, 3)}
REQUEST = {"name": "mine", "data": "pairs", "options": {}, "train": {}, "val": {}}
OPTIMIZER = {"optimizer/0000": np.array(7, np.int64)}


@pytest.fixture
def run(tmp_path):
    return runs.start(tmp_path / "run", REQUEST)


def save(run, *val_losses):
    for val_loss in val_losses:
        run.save_epoch({"val_loss": val_loss}, WEIGHTS, OPTIMIZER)


def files_in(run):
    return sorted(path.name for path in (run.folder / "checkpoints").iterdir())


def test_tensors_come_back_as_they_were(run):
    save(run, 1.0)
    epoch, tensors = run.load_newest()
    assert epoch == 1
    np.testing.assert_array_equal(tensors["conv/kernel"], WEIGHTS["conv/kernel"])
    # A scalar stays one: as an array of one it would not fit its variable.
    assert tensors["optimizer/0000"].shape == ()
    assert tensors["optimizer/0000"] == 7


def test_best_is_the_epoch_with_the_lowest_validation_loss(run):
    save(run, 3.0, 1.0, 2.0)
    assert run.history.best.epoch == 2
    assert run.load_best().keys() == WEIGHTS.keys()


def test_two_checkpoints_and_the_best_are_kept(run):
    save(run, 1.0, 2.0, 3.0, 4.0)
    assert files_in(run) == [
        "best-0001.safetensors",
        "epoch-0003.safetensors",
        "epoch-0004.safetensors",
    ]


def test_a_damaged_checkpoint_gives_way_to_the_one_before(run):
    save(run, 1.0, 2.0)
    newest = run.folder / "checkpoints" / "epoch-0002.safetensors"
    newest.write_bytes(newest.read_bytes()[:-1])
    assert run.load_newest()[0] == 1


def test_without_a_whole_checkpoint_there_is_nothing_to_resume(run):
    save(run, 1.0)
    for path in (run.folder / "checkpoints").iterdir():
        path.unlink()
    with pytest.raises(RunError, match="no checkpoint to continue from"):
        run.load_newest()
    with pytest.raises(RunError, match="best epoch are missing or damaged"):
        run.load_best()


def damage(run, *names):
    for name in names:
        (run.folder / "checkpoints" / f"{name}.safetensors").write_bytes(b"damaged")


def resume(run):
    run.rewind(run.load_newest()[0])


def first_of(tensors):
    return tensors["conv/kernel"].flat[0]


def test_the_best_epoch_stays_the_best_when_its_checkpoint_is_damaged(run):
    for number, val_loss in enumerate((2.0, 1.0), start=1):
        run.save_epoch({"val_loss": val_loss}, {"conv/kernel": np.full(1, number)}, OPTIMIZER)
    damage(run, "epoch-0002")
    resume(run)
    assert run.history.epochs == ({"val_loss": 2.0},)
    assert (run.history.best.epoch, first_of(run.load_best())) == (2, 2)
    save(run, 5.0)
    assert (run.history.best.epoch, first_of(run.load_best())) == (2, 2)
    save(run, 0.5)
    assert run.history.best.epoch == 3


def test_in_the_place_of_a_damaged_best_comes_the_best_that_is_left(run):
    for number, val_loss in enumerate((1.0, 2.0, 3.0), start=1):
        run.save_epoch({"val_loss": val_loss}, {"conv/kernel": np.full(1, number)}, OPTIMIZER)
    damage(run, "best-0001")
    resume(run)
    assert (run.history.best.epoch, run.history.best.val_loss) == (2, 2.0)
    best = run.load_best()
    assert (first_of(best), best.keys()) == (2, WEIGHTS.keys())
    save(run, 4.0, 5.0)
    # Its file is no checkpoint to continue from any more, but is still there.
    assert first_of(run.load_best()) == 2
    assert files_in(run) == [f"epoch-{number:04d}.safetensors" for number in (2, 4, 5)]


def test_the_history_of_an_earlier_version_is_read(run):
    save(run, 2.0, 1.0)
    path = run.folder / "history.json"
    content = json.loads(path.read_text())
    for checkpoint in (*content["checkpoints"], content["best"]):
        del checkpoint["val_loss"]
    path.write_text(json.dumps(content))
    assert (run.history.best.epoch, run.history.best.val_loss) == (2, 1.0)


def test_a_full_disk_leaves_the_checkpoints_before(run, monkeypatch):
    save(run, 1.0)
    before = files_in(run)

    def no_space(self: Path, target: Path) -> Path:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", no_space)
        with pytest.raises(RunError, match=r"cannot write the checkpoint .*No space left"):
            save(run, 2.0)
    assert files_in(run) == before
    assert run.load_newest()[0] == 1
    assert len(run.history.epochs) == 1


def test_a_run_is_reopened_with_what_was_asked(run):
    assert runs.reopen(run.folder).request == REQUEST


def test_a_folder_in_use_is_not_taken(run):
    with pytest.raises(RunError, match="there is something already; add --resume"):
        runs.start(run.folder, {})


def test_a_folder_without_a_run_cannot_be_resumed(tmp_path):
    with pytest.raises(RunError, match=r"run\.json is missing"):
        runs.reopen(tmp_path)


@pytest.mark.parametrize("name", ["run.json", "history.json"])
@pytest.mark.parametrize("content", ["{}", "[]", '{"epochs": [{}], "checkpoints": [1], "best": 2}'])
def test_a_file_of_something_else_is_named(run, name, content):
    save(run, 1.0)
    (run.folder / name).write_text(content)
    with pytest.raises(RunError, match=name):
        runs.reopen(run.folder).load_newest()


def test_a_checkpoint_outside_of_the_run_is_not_read(run):
    save(run, 1.0)
    history = run.folder / "history.json"
    history.write_text(history.read_text().replace("epoch-0001", "../epoch-0001"))
    with pytest.raises(RunError, match="lies outside of its run"):
        run.load_newest()


def test_a_discarded_run_makes_room_for_the_next(run):
    save(run, 1.0)
    runs.discard(run)
    assert not run.folder.exists()
    assert runs.start(run.folder, REQUEST).history == History()


def test_a_run_that_somebody_is_at_is_not_discarded(run):
    save(run, 1.0)
    with runs.hold(run), pytest.raises(RunError, match="another process is still at it"):
        runs.discard(run)
    assert runs.reopen(run.folder).load_newest()[0] == 1


def test_a_run_that_was_discarded_meanwhile_cannot_be_held(run):
    reopened = runs.reopen(run.folder)
    (run.folder / "run.json").unlink()
    with pytest.raises(RunError, match="was discarded"), runs.hold(reopened):
        pass
    shutil.rmtree(run.folder)
    with pytest.raises(RunError, match="was discarded"), runs.hold(reopened):
        pass
    assert not run.folder.exists()


@pytest.mark.parametrize("name", ["run.json", "checkpoints"])
def test_what_cannot_be_removed_was_not_discarded(run, monkeypatch, name):
    save(run, 1.0)

    def refuse(path, *args, **kwargs):
        if Path(path).name == name:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(Path, "unlink", refuse)
    monkeypatch.setattr(os, "rmdir", refuse)
    with pytest.raises(RunError, match=r"cannot be removed .*Permission denied"):
        runs.discard(run)


def test_only_a_run_that_learnt_nothing_is_vain(tmp_path):
    vain, learnt, busy = (runs.start(tmp_path / name, REQUEST) for name in "123")
    save(learnt, 1.0)
    with runs.hold(busy):
        for run in (vain, learnt, busy):
            runs.discard_vain(run)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["2", "3"]


@pytest.mark.parametrize("name", ["run.json", "history.json"])
def test_a_torn_file_is_named(run, name):
    save(run, 1.0)
    (run.folder / name).write_text('{"epochs": [')
    with pytest.raises(RunError, match=name):
        runs.reopen(run.folder).load_newest()


def test_what_a_kill_at_the_start_left_is_no_run(tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / f".run.{'0123' * 8}.json").write_text("{")
    for name in (".lock", ".DS_Store"):
        (folder / name).write_text("")
    assert runs.start(folder, REQUEST).history == History()


@pytest.mark.parametrize("name", [".git", ".env", ".run.json"])
def test_a_folder_with_a_hidden_file_of_somebody_else_is_not_taken(tmp_path, name):
    (tmp_path / name).write_text("precious")
    with pytest.raises(RunError, match="there is something already"):
        runs.start(tmp_path, REQUEST)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_one_process_at_a_time_is_at_a_run(run):
    with runs.hold(run):
        with pytest.raises(RunError, match="another process is still at it"), runs.hold(run):
            pass
        save(run, 1.0)
    with runs.hold(run):
        assert run.load_newest()[0] == 1


def test_another_kind_of_run_is_refused(run):
    with pytest.raises(RunError, match=r"run\.json: not the record of a training"):
        runs.reopen(run.folder, {"name", "base"})
