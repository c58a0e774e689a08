"""The one place with threads: start work, report its progress, cancel it, clean up after it."""

from __future__ import annotations

from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from napari.qt.threading import GeneratorWorker, create_worker
from qtpy.QtCore import QObject, QTimer, Signal

# A step may be long, such as parting the nuclei of a huge image: nobody has to wait for its end.
_PATIENCE_MS = 700


class Progress(Protocol):
    """What work yields: how far it is; a total of 0 is not known yet."""

    @property
    def done(self) -> int:
        """Steps that are done."""

    @property
    def total(self) -> int:
        """All steps."""


@dataclass(frozen=True)
class _Failure:
    error: Exception


@dataclass(frozen=True)
class _Result:
    value: Any


class Job(QObject):
    """One piece of work at a time in a thread; every signal arrives in the GUI thread.

    The work is a generator: each value that it yields is a `Progress` and a point where it can be
    cancelled, and what it returns is the result. `ended` follows in every case, last. When the
    job's parent widget goes away the work is cancelled and nothing is reported any more. Work that
    is cancelled in a long step is left to itself soon: it ends with that step, unheard.
    """

    progressed = Signal(object)
    succeeded = Signal(object)
    failed = Signal(object)
    ended = Signal()

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._workers: list[GeneratorWorker] = []
        self._work: Generator[Progress, None, Any] | None = None
        self._thread: ThreadPoolExecutor | None = None
        self._patience = QTimer(self, singleShot=True, interval=_PATIENCE_MS)
        self._patience.timeout.connect(self._abandon)
        self.destroyed.connect(partial(_quit_all, self._workers))

    @property
    def running(self) -> bool:
        """Whether work was started and has not ended, even if it was cancelled."""
        return bool(self._workers)

    def start(self, work: Generator[Progress, None, Any], description: str = "") -> None:
        """Run `work`; napari's activity dock shows `description` and the progress if given.

        Raises
        ------
        RuntimeError
            When other work is running.
        """
        if self.running:
            raise RuntimeError("This job is running.")
        bar = {"desc": description} if description else None
        self._thread = ThreadPoolExecutor(1, "napari-nuclei")
        steps = (_catch, work, self._thread)
        worker = create_worker(*steps, _start_thread=False, _progress=bar)
        worker.yielded.connect(self._on_yielded)
        worker.returned.connect(self._on_returned)
        worker.finished.connect(self._on_finished)
        self._workers.append(worker)
        self._work = work
        worker.start()

    def cancel(self) -> None:
        """Ask the work to stop after the present step; `ended` comes within a second."""
        _quit_all(self._workers)
        if self.running:
            self._patience.start()

    def _on_yielded(self, progress: Progress) -> None:
        self.progressed.emit(progress)
        bar = self._workers[0].pbar if self._workers else None
        if bar is not None and progress.total:
            bar.total = progress.total
            # Last: napari handles waiting events in it, the end of this job perhaps among them.
            bar.update(progress.done - bar.n)

    def _on_returned(self, outcome: Any) -> None:
        if isinstance(outcome, _Failure):
            self.failed.emit(outcome.error)
        else:
            self.succeeded.emit(outcome)

    def _abandon(self) -> None:
        for worker in self._workers:
            worker.yielded.disconnect(self._on_yielded)
            worker.returned.disconnect(self._on_returned)
            worker.finished.disconnect(self._on_finished)
            if self._work is not None:
                # A generator cannot be closed while it runs.
                worker.finished.connect(self._work.close)
        self._work = None
        self._on_finished()

    def _on_finished(self) -> None:
        self._patience.stop()
        self._workers.clear()
        # napari keeps every worker; without this, cancelled work would keep its image as well.
        if self._work is not None:
            self._work.close()
        self._work = None
        if self._thread is not None:
            self._thread.shutdown(wait=False)
        self._thread = None
        self.ended.emit()


def _catch(
    work: Generator[Progress, None, Any], thread: ThreadPoolExecutor
) -> Generator[Progress, None, Any]:
    """Work in `thread`, and return an error as a result: superqt would drop a RuntimeError.

    A thread of Qt's pool is a new one to Python each time that it is used. What TensorFlow keeps
    for a thread is then gone, but TensorFlow still uses it: a second network crashed or hung.
    """
    try:
        while not isinstance(step := thread.submit(_step, work).result(), _Result):
            yield step
    except Exception as error:  # noqa: BLE001  (the widget shows it, whatever it is)
        return _Failure(error)
    return step.value


def _step(work: Generator[Progress, None, Any]) -> Progress | _Result:
    try:
        return next(work)
    except StopIteration as finished:
        return _Result(finished.value)


def _quit_all(workers: list[GeneratorWorker]) -> None:
    for worker in workers:
        worker.quit()
