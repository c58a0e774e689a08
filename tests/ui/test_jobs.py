"""Jobs: order of signals, cancelling, errors, going away."""

from __future__ import annotations

import gc
import threading
from collections.abc import Generator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from qtpy.QtCore import QObject, QThread, QThreadPool

from napari_nuclei.ui.jobs import Job, when_destroyed

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

Wait = "Callable[[], None]"
TIMEOUT_MS = 10_000


@dataclass(frozen=True)
class Step:
    done: int
    total: int = 2


@pytest.fixture
def parent(qapp: Any) -> QObject:
    return QObject()


@pytest.fixture
def job(parent: QObject) -> Job:
    return Job(parent)


def count() -> Generator[Step, None, str]:
    yield Step(1)
    yield Step(2)
    return "two"


def fail(error: Exception) -> Generator[Step, None, None]:
    yield Step(1)
    raise error


class Waiting:
    """Work that waits inside its second step until it may go on."""

    def __init__(self) -> None:
        self.reached, self.may_go_on = threading.Event(), threading.Event()
        self.finished, self.closed = threading.Event(), threading.Event()

    def steps(self) -> Generator[Step, None, str]:
        try:
            yield Step(1)
            self.reached.set()
            assert self.may_go_on.wait(TIMEOUT_MS / 1000)
            yield Step(2)
            self.finished.set()
            return "never"
        finally:
            self.closed.set()


def test_signals_come_in_order_and_in_the_gui_thread(qtbot: QtBot, job: Job) -> None:
    threads = []
    job.progressed.connect(lambda _: threads.append(QThread.currentThread()))
    job.succeeded.connect(lambda _: threads.append(QThread.currentThread()))
    expected = [job.progressed, job.progressed, job.succeeded, job.ended]
    checks = [lambda s: s == Step(1), lambda s: s == Step(2), lambda r: r == "two", None]
    with qtbot.waitSignals(expected, order="strict", check_params_cbs=checks, timeout=TIMEOUT_MS):
        job.start(count())
        assert job.running
    assert not job.running
    assert threads == [QThread.currentThread()] * 3


@pytest.mark.parametrize("error", [ValueError("bad"), RuntimeError("superqt drops these")])
def test_errors_are_reported_once_and_the_job_ends(
    qtbot: QtBot, job: Job, error: Exception
) -> None:
    failures = []
    job.failed.connect(failures.append)
    with qtbot.waitSignal(job.ended, timeout=TIMEOUT_MS):
        job.start(fail(error))
    assert failures == [error]
    assert not job.running


def test_cancel_stops_at_the_next_step_and_closes_the_work(qtbot: QtBot, job: Job) -> None:
    work, results = Waiting(), []
    job.succeeded.connect(results.append)
    job.start(work.steps())
    qtbot.waitUntil(work.reached.is_set, timeout=TIMEOUT_MS)
    kept = job._workers[0]  # napari does so, and with it the work
    job.cancel()
    assert job.running
    with qtbot.waitSignal(job.ended, timeout=TIMEOUT_MS):
        work.may_go_on.set()
    assert results == []
    assert not work.finished.is_set()
    assert kept
    assert work.closed.is_set()


def test_a_job_does_one_thing_at_a_time(qtbot: QtBot, job: Job) -> None:
    with qtbot.waitSignal(job.ended, timeout=TIMEOUT_MS):
        job.start(count())
        with pytest.raises(RuntimeError, match="running"):
            job.start(count())


def test_a_job_can_be_used_again(qtbot: QtBot, job: Job) -> None:
    results: list[str] = []
    job.succeeded.connect(results.append)
    for _ in range(2):
        with qtbot.waitSignal(job.ended, timeout=TIMEOUT_MS):
            job.start(count())
    assert results == ["two", "two"]


def test_each_work_has_one_thread_that_is_its_own_to_python(qtbot: QtBot, job: Job) -> None:
    # What TensorFlow keeps for a thread outlives Python's view of a thread of Qt's pool.
    threads: list[threading.Thread] = []

    def look() -> Generator[Step, None, None]:
        for done in range(3):
            threads.append(threading.current_thread())
            yield Step(done)

    for _ in range(2):
        with qtbot.waitSignal(job.ended, timeout=TIMEOUT_MS):
            job.start(look())
    assert len(threads) == 6
    assert len(set(threads)) == 2
    assert not any(isinstance(thread, threading._DummyThread) for thread in threads)


def test_work_is_cancelled_when_the_parent_is_destroyed(
    qtbot: QtBot, job: Job, parent: QObject, wait_for_jobs: Wait
) -> None:
    work, results = Waiting(), []
    job.succeeded.connect(results.append)
    job.start(work.steps())
    qtbot.waitUntil(work.reached.is_set, timeout=TIMEOUT_MS)
    with qtbot.waitSignal(job.destroyed, timeout=TIMEOUT_MS):
        parent.deleteLater()
    work.may_go_on.set()
    wait_for_jobs()
    assert work.closed.is_set()
    assert results == []
    assert not work.finished.is_set()


def test_a_farewell_is_said_once_whoever_destroys_the_owner(qtbot: QtBot) -> None:
    said: list[str] = []
    by_qt, by_python = QObject(), QObject()
    for owner, name in ((by_qt, "Qt"), (by_python, "Python")):
        child = QObject(owner)
        owner.itself = owner  # a cycle, which only the garbage collector ends
        when_destroyed(child, partial(said.append, name))

    with qtbot.waitSignal(by_qt.destroyed, timeout=TIMEOUT_MS):
        by_qt.deleteLater()
    assert said == ["Qt"]

    del by_python, owner, child
    gc.collect()
    assert said == ["Qt", "Python"]


def test_activity_dock_shows_the_progress(qtbot: QtBot, job: Job) -> None:
    from napari.utils import progress

    work = Waiting()
    job.start(work.steps(), "Counting")
    with qtbot.waitSignal(job.progressed, timeout=TIMEOUT_MS):
        pass
    (bar,) = progress._all_instances
    assert (bar.desc, bar.n, bar.total) == ("Counting", 1, 2)
    with qtbot.waitSignal(job.ended, timeout=TIMEOUT_MS):
        work.may_go_on.set()
    qtbot.waitUntil(lambda: not progress._all_instances, timeout=TIMEOUT_MS)


def test_work_in_a_long_step_is_left_to_itself_within_a_second(
    qtbot: QtBot, job: Job, wait_for_jobs: Wait
) -> None:
    work, results = Waiting(), []
    job.succeeded.connect(results.append)
    job.start(work.steps())
    qtbot.waitUntil(work.reached.is_set, timeout=TIMEOUT_MS)
    with qtbot.waitSignal(job.ended, timeout=1000):
        job.cancel()
    assert not job.running
    with qtbot.waitSignal(job.succeeded, timeout=TIMEOUT_MS):
        job.start(count())
    work.may_go_on.set()
    wait_for_jobs()
    assert work.closed.is_set()
    assert not work.finished.is_set()
    assert results == ["two"]


def test_cancelled_work_in_long_steps_keeps_no_other_from_its_thread(
    qtbot: QtBot, parent: QObject, wait_for_jobs: Wait
) -> None:
    pool = QThreadPool.globalInstance()
    cores = pool.maxThreadCount()
    pool.setMaxThreadCount(2)
    held = [Waiting(), Waiting()]
    for work in held:
        job = Job(parent)
        job.start(work.steps())
        qtbot.waitUntil(work.reached.is_set, timeout=TIMEOUT_MS)
        job.cancel()
    other = Job(parent)
    with qtbot.waitSignal(other.succeeded, timeout=TIMEOUT_MS):
        other.start(count())
    for work in held:
        work.may_go_on.set()
    wait_for_jobs()
    pool.setMaxThreadCount(cores)


def test_a_result_that_waits_to_be_delivered_is_dropped_by_cancel(qtbot: QtBot, job: Job) -> None:
    heard: list[object] = []
    for signal in (job.progressed, job.succeeded, job.failed):
        signal.connect(heard.append)
    ended = threading.Event()

    def steps() -> Generator[Step, None, str]:
        yield Step(1)
        ended.set()
        return "done"

    job.start(steps())
    worker = job._workers[0]
    assert ended.wait(TIMEOUT_MS / 1000)
    while worker.is_running:
        pass  # without handling an event
    with qtbot.waitSignal(job.ended, timeout=TIMEOUT_MS):
        job.cancel()
    assert heard == []
