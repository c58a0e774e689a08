"""Real processes, killed at bad moments."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from napari_nuclei.model import store
from napari_nuclei.pipeline import runs
from napari_nuclei.pipeline.messages import EpochEnded, Failed, Finished, Started
from napari_nuclei.pipeline.process import TrainingProcess
from napari_nuclei.pipeline.projects import Project

EPOCHS = 20
PARENT = """
import sys, json
from napari_nuclei.pipeline.finetune import Request
from napari_nuclei.pipeline.process import TrainingProcess
child = TrainingProcess(Request.from_json(json.loads(sys.argv[1])))
print(child.pid, flush=True)
for message in child.messages():
    print(type(message).__name__, flush=True)
"""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture
def request_to_tune(request_to_tune):
    """Return a request for enough epochs to be killed in between."""
    return replace(request_to_tune, options=replace(request_to_tune.options, max_steps=EPOCHS))


def numbers(messages):
    return [message.number for message in messages if isinstance(message, EpochEnded)]


def epochs_on_disk(request):
    return len(runs.Run(Path(request.folder), {}).history.epochs)


def test_a_child_that_is_asked_to_stop_makes_a_model(request_to_tune):
    child = TrainingProcess(request_to_tune)
    messages = []
    for message in child.messages():
        messages.append(message)
        if numbers(messages) == [1]:
            child.stop()
    assert messages[-1].report.ending == "stopped"
    assert 1 <= messages[-1].report.epochs < EPOCHS


def test_what_goes_wrong_is_one_sentence(request_to_tune, tmp_path):
    child = TrainingProcess(replace(request_to_tune, pairs=str(tmp_path / "nowhere")))
    (failed,) = child.messages()
    assert failed == Failed(f"{tmp_path / 'nowhere'}: there are no images to learn from.")


def test_a_closed_process_ends_quietly_whatever_it_was_doing(request_to_tune):
    child = TrainingProcess(request_to_tune)
    threading.Timer(0.5, child.close).start()
    assert list(child.messages()) == []
    assert not child.is_running


def test_closed_before_the_first_message_is_read_it_ends_quietly(request_to_tune):
    child = TrainingProcess(request_to_tune)
    messages = child.messages()
    child.close()
    assert list(messages) == []


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks for the orphan in /proc")
def test_parent_and_child_are_killed_and_the_training_ends_as_planned(request_to_tune):
    orphan = kill_parent_after_an_epoch(request_to_tune)
    deadline = time.monotonic() + 600
    while is_there(orphan) and time.monotonic() < deadline:
        threading.Event().wait(0.05)
    assert not is_there(orphan)
    assert_nothing_is_lost(request_to_tune)
    done = epochs_on_disk(request_to_tune)
    assert 1 <= done < EPOCHS

    resumed = replace(request_to_tune, resume=True)
    child = TrainingProcess(resumed)
    messages = []
    for message in child.messages():
        messages.append(message)
        if isinstance(message, EpochEnded) and message.number == done + 1:
            os.kill(child.pid, signal.SIGKILL)
    assert isinstance(messages[-1], Failed)
    assert "ended unexpectedly (exit status -9)" in messages[-1].reason
    assert_nothing_is_lost(request_to_tune)

    done = epochs_on_disk(request_to_tune)
    started, *epochs, finished = TrainingProcess(resumed).messages()
    assert isinstance(started, Started)
    assert (started.done, numbers(epochs)) == (done, list(range(done + 1, EPOCHS + 1)))
    assert isinstance(finished, Finished)
    assert finished.report.epochs == EPOCHS
    assert store.load_model(Path(finished.model)).name == "mine"


def kill_parent_after_an_epoch(request):
    """Return the process id of the child that is left."""
    command = [sys.executable, "-c", PARENT, json.dumps(request.to_json())]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as parent:
        child = int(parent.stdout.readline())
        while b"EpochEnded" not in (line := parent.stdout.readline()):
            assert line, "the child ended before its first epoch"
        parent.kill()
    return child


def is_there(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def assert_nothing_is_lost(request):
    assert store.load_model(Path(request.base)).name == "tiny"
    assert Project(Path(request.pairs)).read("discs").n_checked == 6
    assert runs.Run(Path(request.folder), {}).load_newest()[1]
