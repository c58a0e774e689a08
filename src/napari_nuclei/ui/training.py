"""A fine-tuning in a child process, as a widget sees it: signals, and never a wait."""

from __future__ import annotations

import threading
from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import QCoreApplication, QObject, Signal

from napari_nuclei.pipeline.contributions import contribute
from napari_nuclei.pipeline.messages import EpochEnded, Message, Started
from napari_nuclei.pipeline.process import TrainingProcess
from napari_nuclei.pipeline.projects import Project
from napari_nuclei.ui.jobs import Job, when_destroyed
from napari_nuclei.ui.preferences import read_preferences

if TYPE_CHECKING:
    from napari_nuclei.model.device import Device
    from napari_nuclei.pipeline.finetune import Request
    from napari_nuclei.ui.layer_pair import LayerPair


@dataclass(frozen=True)
class Told:
    """A message of the child, and how many epochs are done; without one the pairs are saved."""

    message: Message | None = None
    done: int = 0
    total: int = 0


class Training(QObject):
    """One fine-tuning at a time.

    `told` brings each message, `failed` an error before the child began, and `ended` comes last in
    every case. The child ends with this object, and when the program quits.
    """

    told = Signal(object)
    failed = Signal(object)
    ended = Signal()

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._child = _Child()
        # Shared with what is called when this object is gone.
        self._children = [self._child]
        self._has_learnt = False
        self._job = Job(self)
        self._job.progressed.connect(self._on_progressed)
        self._job.failed.connect(self.failed)
        self._job.ended.connect(self.ended)
        when_destroyed(self, partial(_close_all, self._children))
        QCoreApplication.instance().aboutToQuit.connect(self._quit)

    @property
    def running(self) -> bool:
        """Whether a training was started and has not ended."""
        return self._job.running

    @property
    def pid(self) -> int | None:
        """Process id of the child, once there is one."""
        return self._child.pid

    def start(self, request: Request, pairs: Sequence[LayerPair]) -> None:
        """Save the pairs in the project, and train on the device of the preferences."""
        self._child = _Child(read_preferences().device)
        self._children[:] = [self._child]
        self._has_learnt = False
        steps = _steps(request, tuple(pairs), self._child)
        self._job.start(steps, f"Training {request.name}")

    def stop(self) -> None:
        """Ask for a model of what was learnt; where that is nothing yet, end at once."""
        if self._has_learnt:
            self._child.stop()
        else:
            self._end_child()

    def close(self) -> None:
        """End without a model, and report nothing any more; the newest checkpoint stays."""
        self._job.cancel()
        self._end_child()

    def _end_child(self) -> None:
        # Not here: the end of a process with much memory takes its time.
        threading.Thread(target=self._child.close).start()

    def _quit(self) -> None:
        self._job.cancel()
        self._child.close()

    def _on_progressed(self, told: Told) -> None:
        self._has_learnt |= isinstance(told.message, EpochEnded)
        self.told.emit(told)


class _Child:
    """The process between the thread that reads it and the one that ends it."""

    def __init__(self, chosen: Device = "auto") -> None:
        self._chosen = chosen
        self._lock = threading.Lock()
        self._process: TrainingProcess | None = None
        self._is_closed = False

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def messages(self, request: Request) -> Generator[Message, None, None]:
        """Start the process; there is none when this was closed before."""
        with self._lock:
            if self._is_closed:
                return
            self._process = TrainingProcess(request, self._chosen)
            messages = self._process.messages()
        yield from messages

    def stop(self) -> None:
        if self._process:
            self._process.stop()

    def close(self) -> None:
        with self._lock:
            self._is_closed = True
            if self._process:
                self._process.close()


def _close_all(children: list[_Child]) -> None:
    for child in children:
        child.close()


def _steps(
    request: Request, pairs: Sequence[LayerPair], child: _Child
) -> Generator[Told, None, None]:
    """Save and train, in the worker: of napari only arrays and names are read here."""
    yield Told()
    project = Project(Path(request.pairs))
    for pair in pairs:
        copy = pair.read()
        if copy.checked is not None and copy.checked.any():
            pair.call(contribute(project, copy).name)
        yield Told()
    done = total = 0
    with closing(child.messages(request)) as messages:
        for message in messages:
            if isinstance(message, Started):
                done, total = message.done, message.epochs
            elif isinstance(message, EpochEnded):
                done = message.number
            yield Told(message, done, total)
