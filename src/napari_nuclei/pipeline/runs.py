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
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from napari_nuclei import files
from napari_nuclei.errors import RunError
from napari_nuclei.model.trainer import OPTIMIZER_PREFIX
from napari_nuclei.pipeline.history import Checkpoint, History, history_from_json
from napari_nuclei.pipeline.holding import held

Tensors = dict[str, NDArray[Any]]

_REQUEST = "run.json"
_KEPT_CHECKPOINTS = 2
# What a process killed at its start leaves, and macOS; all else is somebody's, hidden or not.
_LEFTOVER = re.compile(r"\.lock|\.run\.[0-9a-f]{32}\.json|\.DS_Store")

TRAINING = frozenset({"name", "data", "options", "train", "val"})
"""What the request of a training from scratch has."""


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
            return history_from_json(_read_json(path))
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
            val_loss = row["val_loss"]
            checkpoint = self._write("epoch", epoch, val_loss, weights | optimizer)
            best = history.best
            if best is None or val_loss < best.val_loss:
                best = self._write("best", epoch, val_loss, weights)
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
        return {name: t for name, t in tensors.items() if not name.startswith(OPTIMIZER_PREFIX)}

    def rewind(self, epoch: int) -> None:
        """Forget the epochs after `epoch`, whose checkpoints are not whole.

        The best weights stay, also of such an epoch; where they are damaged, the best ones that are
        left take their place.
        """
        history = self.history
        kept = tuple(c for c in history.checkpoints if c.epoch <= epoch)
        best = history.best
        if best is None or self._read(best) is None:
            whole = [c for c in kept if self._read(c) is not None]
            best = min(whole, key=lambda c: c.val_loss, default=None)
        new = History(history.epochs[:epoch], kept, best)
        try:
            files.write_text(self.folder / "history.json", json.dumps(asdict(new), indent=1))
        except OSError as error:
            raise RunError(f"{self.folder}: cannot be written ({error}).") from error

    def _write(self, kind: str, epoch: int, val_loss: float, tensors: Tensors) -> Checkpoint:
        # Not ascontiguousarray: it turns a scalar, such as the step count, into an array of one.
        content = save({name: np.asarray(t, order="C") for name, t in tensors.items()})
        file = f"{kind}-{epoch:04d}.safetensors"
        files.write_bytes(self.folder / "checkpoints" / file, content)
        return Checkpoint(epoch, file, hashlib.sha256(content).hexdigest(), val_loss)

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
        files.write_text(folder / _REQUEST, json.dumps(request, indent=1))
    except OSError as error:
        raise RunError(f"{folder}: cannot be written ({error}).") from error
    return Run(folder, request)


@contextmanager
def hold(run: Run) -> Iterator[None]:
    """Keep other processes from this run for as long as the block runs.

    Raises
    ------
    RunError
        When one is at it, such as a child that has yet to notice that its parent is gone, or
        somebody discarded it.
    """
    with held(run.folder) if run.folder.exists() else nullcontext():
        # Asked with the lock: before, another process may have been about to remove the run.
        if not is_run(run.folder):
            raise RunError(f"{run.folder}: this training was discarded; start a new one.")
        yield


def discard(run: Run, *, only_if_vain: bool = False) -> None:
    """Remove a run with all that is in its folder.

    Parameters
    ----------
    run : Run
        May be gone since it was opened: then nobody can hold it any more.
    only_if_vain : bool
        Leave it where an epoch was completed.

    Raises
    ------
    RunError
        When a process is at it, or the disk refuses.
    """
    try:
        with hold(run):
            if only_if_vain and run.history.epochs:
                return
            # Without its request it is no run any more, for somebody who waits for it, either.
            (run.folder / _REQUEST).unlink()
        # Not while it is held: Windows removes no file that is open.
        shutil.rmtree(run.folder)
    except OSError as error:
        raise RunError(f"{run.folder}: cannot be removed ({error.strerror}).") from error


def discard_vain(run: Run) -> None:
    """Remove a run in which nothing was learnt, so that it is not in the way of the next try.

    It stays where a process is at it, or the disk refuses.
    """
    with suppress(RunError):
        discard(run, only_if_vain=True)


def is_run(folder: Path) -> bool:
    """Tell whether there is a run to reopen."""
    return (folder / _REQUEST).is_file()


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
    path = folder / _REQUEST
    if not is_run(folder):
        raise RunError(f"{folder}: no training run to resume here ({_REQUEST} is missing).")
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
