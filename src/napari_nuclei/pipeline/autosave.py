"""Corrections that outlive a crash: files in a folder that is locked as long as its process lives.

``autosave/<session>/``  a process; what it leaves when it ends in order is removed
``.lock``                held by the process: who can take it knows that the process has died
``<key>.npz``            the labels of a layer and what was done to them, whole or not at all
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from threading import Lock
from typing import Any
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from napari_nuclei import files
from napari_nuclei.core.changes import Seen
from napari_nuclei.errors import DatasetError

_LOCK, _SUFFIX = ".lock", ".npz"


@dataclass(frozen=True)
class Work:
    """The labels of a layer and what was done to them.

    Attributes
    ----------
    name : str
        Of the layer.
    labels, found : numpy.ndarray
        Shape (Y, X), integer: as they are, and as they were before they were corrected.
    painted : numpy.ndarray
        Shape (Y, X), bool.
    seen : tuple of Seen
        What was found right.
    place : dict
        JSON values: where the layer lies, and what else it takes to make it again.
    """

    name: str
    labels: NDArray[np.integer[Any]]
    found: NDArray[np.integer[Any]]
    painted: NDArray[np.bool_]
    seen: tuple[Seen, ...]
    place: dict[str, Any]


@dataclass(frozen=True)
class Lost:
    """Work that a process left when it died.

    Attributes
    ----------
    path : Path
        Its file.
    name : str
        Of the layer.
    saved : datetime
        When it was written, in local time.
    """

    path: Path
    name: str
    saved: datetime

    def read(self) -> Work:
        """Read the work.

        Raises
        ------
        DatasetError
            When the file is gone or damaged.
        """
        with _open(self.path) as arrays:
            return _unpack(arrays)

    def discard(self) -> None:
        """Remove the file, and the folder of its process when it was the last one.

        Raises
        ------
        OSError
            When the folder refuses.
        """
        self.path.unlink(missing_ok=True)
        _remove_when_empty(self.path.parent)


class Session:
    """The folder of this process; it is made and locked at once.

    Parameters
    ----------
    folder : Path
        Where the folders of all processes are.

    Raises
    ------
    OSError
        When it or the disk refuses.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder / uuid4().hex
        self._folder.mkdir(parents=True)
        self._held = ExitStack()
        self._held.enter_context(files.locked(self._folder / _LOCK))
        self._writing = Lock()
        self._is_open = True

    def save(self, key: str, work: Work) -> None:
        """Write work, in place of what had this key.

        Raises
        ------
        OSError
            When the folder or the disk refuses; what was there before is there still.
        """
        with self._writing:
            if self._is_open:
                arrays = _pack(work)
                files.replace_file(
                    self._path(key),
                    lambda temporary: np.savez_compressed(temporary, **arrays),  # type: ignore[arg-type]  # numpy's stub takes them for an option
                )

    def adopt(self, key: str, lost: Lost) -> None:
        """Make lost work that of this process.

        Raises
        ------
        OSError
            When the folder refuses; the work is then where it was.
        """
        lost.path.replace(self._path(key))
        _remove_when_empty(lost.path.parent)

    def forget(self, key: str) -> None:
        """Remove the work of a layer that is gone or kept elsewhere."""
        with suppress(OSError):
            self._path(key).unlink(missing_ok=True)

    def close(self) -> None:
        """Remove everything: the process ends in order."""
        with self._writing:
            self._is_open = False
            self._held.close()
            shutil.rmtree(self._folder, ignore_errors=True)

    def _path(self, key: str) -> Path:
        return self._folder / f"{key}{_SUFFIX}"


def find_lost(folder: Path) -> tuple[Lost, ...]:
    """Return the work that processes left when they died, the oldest first.

    Parameters
    ----------
    folder : Path
        Where the folders of all processes are; it may be missing.
    """
    found = []
    for lock in sorted(folder.glob(f"*/{_LOCK}")):
        # A lock that is held is that of a process that lives; others cannot be told apart.
        with suppress(OSError), files.locked(lock):
            found += [_describe(path) for path in lock.parent.glob(f"[!.]*{_SUFFIX}")]
    return tuple(sorted(found, key=lambda lost: lost.saved))


def _describe(path: Path) -> Lost:
    saved = datetime.fromtimestamp(path.stat().st_mtime).astimezone()
    try:
        with _open(path) as arrays:
            name = json.loads(str(arrays["about"]))["name"]
    except DatasetError:
        # It is offered all the same: reading it says what is wrong.
        name = path.stem
    return Lost(path, name, saved)


@contextmanager
def _open(path: Path) -> Iterator[Mapping[str, NDArray[Any]]]:
    """Open a file; whatever is damaged, also what is only found while it is read, is told."""
    try:
        # numpy leaves a file open that it cannot read.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            yield arrays
    # Of whatever kind numpy, zip and zlib choose.
    except Exception as error:
        raise DatasetError(f"{path}: these corrections cannot be read ({error}).") from error


def _remove_when_empty(folder: Path) -> None:
    if not any(folder.glob(f"[!.]*{_SUFFIX}")):
        shutil.rmtree(folder, ignore_errors=True)


def _pack(work: Work) -> dict[str, NDArray[Any]]:
    """Return arrays of which none needs to be pickled."""
    windows = [
        (rows.start, rows.stop, columns.start, columns.stop)
        for rows, columns in (seen.window for seen in work.seen)
    ]
    values = [seen.labels.ravel() for seen in work.seen]
    return {
        "labels": work.labels,
        "found": work.found,
        "painted": work.painted,
        "windows": np.array(windows, np.int64).reshape(-1, 4),
        "nuclei": np.array([seen.nucleus for seen in work.seen], np.int64),
        "seen": np.concatenate([np.zeros(0, work.labels.dtype), *values]),
        "about": np.array(json.dumps({"name": work.name, "place": work.place}, default=str)),
    }


def _unpack(arrays: Mapping[str, NDArray[Any]]) -> Work:
    about = json.loads(str(arrays["about"]))
    seen, start = [], 0
    for (top, bottom, left, right), nucleus in zip(
        arrays["windows"].tolist(), arrays["nuclei"].tolist(), strict=True
    ):
        shape = bottom - top, right - left
        stop = start + shape[0] * shape[1]
        values = arrays["seen"][start:stop].reshape(shape)
        seen.append(Seen((slice(top, bottom), slice(left, right)), values, nucleus))
        start = stop
    labels, found, painted = (arrays[name] for name in ("labels", "found", "painted"))
    return Work(about["name"], labels, found, painted, tuple(seen), about["place"])
