"""The one place with threads: start work, report its progress, cancel it, clean up after it."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from functools import partial
from threading import Thread
from typing import Any, Protocol

from napari.qt.threading import GeneratorWorker, create_worker
from qtpy.QtCore import QCoreApplication, QObject, QTimer, Signal

# A step may be long, such as parting the nuclei of a huge image: nobody has to wait for its end.
_PATIENCE_MS = 700

THREAD_NAME = "napari-nuclei"


class Progress(Protocol):
    """What work yields: how far it is; a total of 0 is not known yet."""

    @property
    def done(self) -> int:
        """Steps that are done."""

    @property
    def total(self) -> int:
        """All steps."""


Work = Generator[Progress, None, Any]

# Qt forgets what a worker still has to say as soon as Python lets the worker go.
_working: dict[Work, tuple[GeneratorWorker, Thread]] = {}

# Python's garbage collector empties what only an unused widget holds before it ends the widget.
# Qt would then call an empty function as the widget is destroyed, and crash: it is held here.
_farewells: set[Callable[[], None]] = set()


def when_destroyed(owner: QObject, call: Callable[[], None]) -> None:
    """Call `call`, which must not hold `owner`, once Qt or Python has destroyed `owner`."""

    def farewell() -> None:
        _farewells.discard(farewell)
        call()

    _farewells.add(farewell)
    owner.destroyed.connect(farewell)


@dataclass(frozen=True)
class _Failure:
    error: Exception


class Job(QObject):
    """One piece of work at a time in a thread; every signal arrives in the GUI thread.

    The work is a generator: each value that it yields is a `Progress` and a point where it can be
    cancelled, and what it returns is the result. `ended` follows in every case, last. When the
    job's parent widget goes away the work is cancelled and nothing is reported any more. Work that
    is cancelled in a long step is left to itself soon: it ends with that step, unheard.

    Each work has a thread of its own. Those of Qt's pool are as few as the processor's cores, so
    that cancelled work in long steps would let nothing else begin; and each of them is a new thread
    to Python whenever it is used. What TensorFlow keeps for a thread is then gone, but TensorFlow
    still uses it: a second network crashed or hung.
    """

    progressed = Signal(object)
    succeeded = Signal(object)
    failed = Signal(object)
    ended = Signal()

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._workers: list[GeneratorWorker] = []
        self._patience = QTimer(self, singleShot=True, interval=_PATIENCE_MS)
        self._patience.timeout.connect(self._abandon)
        when_destroyed(self, partial(_quit_all, self._workers))
        QCoreApplication.instance().aboutToQuit.connect(self.cancel)

    @property
    def running(self) -> bool:
        """Whether work was started and has not ended, even if it was cancelled."""
        return bool(self._workers)

    def start(self, work: Work, description: str = "") -> None:
        """Run `work`; napari's activity dock shows `description` and the progress if given.

        Raises
        ------
        RuntimeError
            When other work is running.
        """
        if self.running:
            raise RuntimeError("This job is running.")
        bar = {"desc": description} if description else None
        worker = create_worker(_catch, work, _start_thread=False, _progress=bar)
        # No method of this job, which may be gone by then.
        worker.finished.connect(partial(_release, work))
        worker.yielded.connect(self._on_yielded)
        worker.returned.connect(self._on_returned)
        worker.finished.connect(self._on_finished)
        self._workers.append(worker)
        thread = Thread(target=worker.run, name=THREAD_NAME)
        _working[work] = (worker, thread)
        thread.start()

    def cancel(self) -> None:
        """Ask the work to stop after the present step; `ended` comes within a second."""
        _quit_all(self._workers)
        if self.running:
            self._patience.start()

    def _on_yielded(self, progress: Progress) -> None:
        if not self._is_heard():
            return
        self.progressed.emit(progress)
        bar = self._workers[0].pbar if self._workers else None
        if bar is not None and progress.total:
            bar.total = progress.total
            # Last: napari handles waiting events in it, the end of this job perhaps among them.
            bar.update(progress.done - bar.n)

    def _on_returned(self, outcome: Any) -> None:
        if not self._is_heard():
            return
        if isinstance(outcome, _Failure):
            self.failed.emit(outcome.error)
        else:
            self.succeeded.emit(outcome)

    def _is_heard(self) -> bool:
        """Tell whether nobody has cancelled the work since it said what has only arrived now."""
        return bool(self._workers) and not self._workers[0].abort_requested

    def _abandon(self) -> None:
        for worker in self._workers:
            worker.yielded.disconnect(self._on_yielded)
            worker.returned.disconnect(self._on_returned)
            worker.finished.disconnect(self._on_finished)
        self._on_finished()

    def _on_finished(self) -> None:
        self._patience.stop()
        self._workers.clear()
        self.ended.emit()


def _catch(work: Work) -> Generator[Progress, None, Any]:
    """Return an error as a result: superqt would drop a RuntimeError."""
    try:
        return (yield from work)
    except Exception as error:  # noqa: BLE001  (the widget shows it, whatever it is)
        return _Failure(error)


def _release(work: Work) -> None:
    """Let work go that has ended, wherever its job is."""
    # Held until its thread has nothing left to do: what belongs to Qt must not be deleted there.
    _worker, thread = _working.pop(work)
    thread.join()
    # napari keeps every worker; without this, cancelled work would keep its image as well.
    work.close()


def _quit_all(workers: list[GeneratorWorker]) -> None:
    for worker in workers:
        worker.quit()
