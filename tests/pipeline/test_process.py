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

EPOCHS = 4
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


def numbers(messages):
    return [message.number for message in messages if isinstance(message, EpochEnded)]


def epochs_on_disk(request):
    return len(runs.Run(Path(request.folder), {}).history.epochs)


def test_a_child_trains_and_tells(request_to_tune):
    child = TrainingProcess(request_to_tune)
    messages = list(child.messages())
    assert isinstance(messages[0], Started)
    assert numbers(messages) == [1, 2, 3, 4]
    assert isinstance(messages[-1], Finished)
    assert not child.is_running
    assert store.load_model(Path(messages[-1].model)).name == "mine"


def test_a_child_that_is_asked_to_stop_makes_a_model(request_to_tune):
    # Long enough that the word arrives before the end.
    options = replace(request_to_tune.options, max_steps=200)
    child = TrainingProcess(replace(request_to_tune, options=options))
    messages = []
    for message in child.messages():
        messages.append(message)
        if numbers(messages) == [1]:
            child.stop()
    assert messages[-1].report.ending == "stopped"
    assert 1 <= messages[-1].report.epochs < 30


def test_what_goes_wrong_is_one_sentence(request_to_tune, tmp_path):
    child = TrainingProcess(replace(request_to_tune, pairs=str(tmp_path / "nowhere")))
    (failed,) = child.messages()
    assert failed == Failed(f"{tmp_path / 'nowhere'}: there are no images to learn from.")


def test_a_killed_child_is_reported_and_resumed_to_the_same_end(request_to_tune):
    child = TrainingProcess(request_to_tune)
    messages = []
    for message in child.messages():
        messages.append(message)
        if numbers(messages) == [1, 2]:
            os.kill(child.pid, signal.SIGKILL)
    assert isinstance(messages[-1], Failed)
    assert "ended unexpectedly (exit status -9" in messages[-1].reason
    assert_nothing_is_lost(request_to_tune)
    done = epochs_on_disk(request_to_tune)
    assert done >= 2

    rest = list(TrainingProcess(replace(request_to_tune, resume=True)).messages())
    assert numbers(rest) == list(range(done + 1, EPOCHS + 1))
    assert rest[-1].report.epochs == EPOCHS


def test_a_closed_process_ends_quietly_whatever_it_was_doing(request_to_tune):
    child = TrainingProcess(request_to_tune)
    threading.Timer(0.5, child.close).start()
    assert list(child.messages()) == []
    assert not child.is_running


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks for the orphan in /proc")
def test_a_child_does_not_outlive_its_parent(request_to_tune):
    request = json.dumps(request_to_tune.to_json())
    parent = subprocess.Popen([sys.executable, "-c", PARENT, request], stdout=subprocess.PIPE)
    child = int(parent.stdout.readline())
    while b"EpochEnded" not in (line := parent.stdout.readline()):
        assert line, "the child ended before its first epoch"
    parent.kill()
    parent.wait()
    parent.stdout.close()
    deadline = time.monotonic() + 120
    while is_there(child) and time.monotonic() < deadline:
        threading.Event().wait(0.05)
    assert not is_there(child)
    assert_nothing_is_lost(request_to_tune)
    assert epochs_on_disk(request_to_tune) >= 1
    rest = list(TrainingProcess(replace(request_to_tune, resume=True)).messages())
    assert rest[-1].report.epochs == EPOCHS


def is_there(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def assert_nothing_is_lost(request):
    assert store.load_model(Path(request.base)).name == "tiny"
    assert Project(Path(request.pairs)).read("discs").n_checked == 6
    assert runs.Run(Path(request.folder), {}).load_newest()[1]
