"""A training run on disk: what was asked, how far it got, and a checkpoint that survives a kill.

A run folder holds ``run.json`` (written once), ``checkpoints/`` and ``history.json``. Each
checkpoint is a file of tensors; ``history.json`` names the checkpoints with their sha256 and is
written last, so a process killed at any moment leaves the state before or the state after.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from napari_nuclei import files
from napari_nuclei.errors import RunError

Tensors = dict[str, NDArray[Any]]

_KEPT_CHECKPOINTS = 2
# What a process killed at its start leaves, and macOS; all else is somebody's, hidden or not.
_LEFTOVER = re.compile(r"\.lock|\.run\.[0-9a-f]{32}\.json|\.DS_Store")

TRAINING = frozenset({"name", "data", "options", "train", "val"})
"""What the request of a training from scratch has."""


@dataclass(frozen=True)
class Checkpoint:
    """A file of tensors that belongs to the end of an epoch."""

    epoch: int
    file: str
    sha256: str

    def __post_init__(self) -> None:
        if Path(self.file).name != self.file:
            raise RunError(f"The checkpoint {self.file} lies outside of its run; start a new one.")


@dataclass(frozen=True)
class History:
    """How far a run got.

    Attributes
    ----------
    epochs : tuple of dict
        One row an epoch: loss and metrics of training and validation, learning rate, seconds.
    checkpoints : tuple of Checkpoint
        Weights and optimizer, oldest first.
    best : Checkpoint, optional
        The weights of the epoch with the lowest validation loss.
    """

    epochs: tuple[dict[str, float], ...] = ()
    checkpoints: tuple[Checkpoint, ...] = ()
    best: Checkpoint | None = None


@dataclass(frozen=True)
class Run:
    """A run folder."""

    folder: Path
    request: dict[str, Any] = field(repr=False)

    @property
    def history(self) -> History:
        """What is on disk; empty before the first epoch ended."""
        path = self.folder / "history.json"
        if not path.exists():
            return History()
        try:
            return _history_from_json(_read_json(path))
        except (LookupError, TypeError, AttributeError) as error:
            raise RunError(f"{path}: not the history of a training; start a new run.") from error

    def save_epoch(self, row: dict[str, float], weights: Tensors, optimizer: Tensors) -> None:
        """Write the checkpoint of an epoch that just ended, and forget the oldest one.

        Raises
        ------
        RunError
            When the folder cannot be written; the checkpoints before stay as they were.
        """
        history = self.history
        epoch = len(history.epochs) + 1
        try:
            checkpoint = self._write(f"epoch-{epoch:04d}", epoch, weights | optimizer)
            is_best = _is_best(row, history)
            best = self._write(f"best-{epoch:04d}", epoch, weights) if is_best else history.best
            kept = (*history.checkpoints, checkpoint)[-_KEPT_CHECKPOINTS:]
            new = History((*history.epochs, row), kept, best)
            files.write_text(self.folder / "history.json", json.dumps(asdict(new), indent=1))
        except OSError as error:
            raise RunError(f"{self.folder}: cannot write the checkpoint ({error}).") from error
        self._remove_unlisted(new)

    def load_newest(self) -> tuple[int, Tensors]:
        """Return the epoch and the tensors of the newest checkpoint that is whole.

        Raises
        ------
        RunError
            When no checkpoint is whole.
        """
        for checkpoint in reversed(self.history.checkpoints):
            tensors = self._read(checkpoint)
            if tensors is not None:
                return checkpoint.epoch, tensors
        raise RunError(f"{self.folder}: no checkpoint to continue from; start a new run.")

    def load_best(self) -> Tensors:
        """Return the weights of the best epoch.

        Raises
        ------
        RunError
            When there is none, or its file is damaged.
        """
        best = self.history.best
        tensors = self._read(best) if best else None
        if tensors is None:
            raise RunError(f"{self.folder}: the weights of the best epoch are missing or damaged.")
        return tensors

    def rewind(self, epoch: int) -> None:
        """Forget the epochs after `epoch`, whose checkpoints are not whole."""
        history = self.history
        kept = tuple(c for c in history.checkpoints if c.epoch <= epoch)
        best = history.best if history.best and history.best.epoch <= epoch else None
        new = History(history.epochs[:epoch], kept, best)
        try:
            files.write_text(self.folder / "history.json", json.dumps(asdict(new), indent=1))
        except OSError as error:
            raise RunError(f"{self.folder}: cannot be written ({error}).") from error

    def _write(self, stem: str, epoch: int, tensors: Tensors) -> Checkpoint:
        # Not ascontiguousarray: it turns a scalar, such as the step count, into an array of one.
        content = save({name: np.asarray(t, order="C") for name, t in tensors.items()})
        file = f"{stem}.safetensors"
        files.write_bytes(self.folder / "checkpoints" / file, content)
        return Checkpoint(epoch, file, hashlib.sha256(content).hexdigest())

    def _read(self, checkpoint: Checkpoint) -> Tensors | None:
        try:
            content = (self.folder / "checkpoints" / checkpoint.file).read_bytes()
            if hashlib.sha256(content).hexdigest() != checkpoint.sha256:
                return None
            return load(content)
        except (OSError, SafetensorError):
            return None

    def _remove_unlisted(self, history: History) -> None:
        listed = {c.file for c in (*history.checkpoints, history.best) if c}
        for path in (self.folder / "checkpoints").iterdir():
            if path.name not in listed:
                path.unlink(missing_ok=True)


def start(folder: Path, request: dict[str, Any]) -> Run:
    """Make a new run folder.

    Parameters
    ----------
    folder : Path
        Missing or empty, but for what a process killed at its start left.
    request : dict
        What was asked for, as JSON values.

    Raises
    ------
    RunError
        When the folder has files in it or cannot be written.
    """
    if folder.exists() and (not folder.is_dir() or any(map(_is_taken, folder.iterdir()))):
        raise RunError(f"{folder}: there is something already; add --resume or choose another.")
    try:
        files.write_text(folder / "run.json", json.dumps(request, indent=1))
    except OSError as error:
        raise RunError(f"{folder}: cannot be written ({error}).") from error
    return Run(folder, request)


@contextmanager
def hold(run: Run) -> Iterator[None]:
    """Keep other processes from this run for as long as the block runs.

    Raises
    ------
    RunError
        When one is at it, such as a child that has yet to notice that its parent is gone.
    """
    with ExitStack() as stack:
        try:
            stack.enter_context(files.locked(run.folder / ".lock"))
        except BlockingIOError as error:
            raise RunError(
                f"{run.folder}: another process is still at it; wait for that to end."
            ) from error
        except OSError as error:
            raise RunError(f"{run.folder}: cannot be written ({error.strerror}).") from error
        yield


def discard(run: Run) -> None:
    """Remove a run that was started in vain, with all that is in its folder."""
    shutil.rmtree(run.folder, ignore_errors=True)


def reopen(folder: Path, expected: Collection[str] = TRAINING) -> Run:
    """Open a run folder to continue it.

    Parameters
    ----------
    folder : Path
        As `start` made it.
    expected : collection of str
        What the request of such a run has.

    Raises
    ------
    RunError
        When it is no run folder.
    """
    path = folder / "run.json"
    if not path.is_file():
        raise RunError(f"{folder}: no training run to resume here (run.json is missing).")
    request = _read_json(path)
    if not set(expected).issubset(request):
        raise RunError(f"{path}: not the record of a training; start a new run.")
    return Run(folder, request)


def _is_taken(path: Path) -> bool:
    return not _LEFTOVER.fullmatch(path.name)


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RunError(f"{path}: cannot be read ({error}).") from error
    return content


def _history_from_json(content: dict[str, Any]) -> History:
    best = content["best"]
    return History(
        tuple(content["epochs"]),
        tuple(Checkpoint(**checkpoint) for checkpoint in content["checkpoints"]),
        Checkpoint(**best) if best else None,
    )


def _is_best(row: dict[str, float], history: History) -> bool:
    if history.best is None:
        return True
    return row["val_loss"] < history.epochs[history.best.epoch - 1]["val_loss"]
