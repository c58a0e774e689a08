"""Atomic writes: a file is there whole or not at all, whatever happens in between. And a lock."""

from __future__ import annotations

import os
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


def replace_file(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` fill a temporary file beside `path`, then put it in the place of `path`.

    Parameters
    ----------
    path : Path
        The final file; its folder is made when missing.
    write : callable
        Gets the temporary path, which keeps the suffix of `path`, and writes that file.

    Raises
    ------
    OSError
        When the folder or the disk refuses; `path` is then as it was before.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.stem}.{uuid.uuid4().hex}{path.suffix}")
    try:
        write(temporary)
        _flush_to_disk(temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_bytes(path: Path, content: bytes) -> None:
    """Write `content` to `path` atomically."""
    replace_file(path, lambda temporary: temporary.write_bytes(content))


def write_text(path: Path, content: str) -> None:
    """Write `content` to `path` atomically, as UTF-8 with the line ends it has."""
    write_bytes(path, content.encode())


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock for as long as the block runs; the system frees it if the process dies before.

    Parameters
    ----------
    path : Path
        An empty file of no other use, which stays; its folder exists.

    Raises
    ------
    BlockingIOError
        When another process, or another block in this one, holds it.
    OSError
        When the folder refuses.
    """
    with path.open("ab") as handle:
        _lock(handle)
        yield


def _lock(handle: IO[bytes]) -> None:
    if sys.platform == "win32":
        import msvcrt

        try:
            msvcrt.locking(handle.fileno(), msvcrt.LK_NBLCK, 1)
        except PermissionError as error:
            raise BlockingIOError(error.errno, error.strerror) from error
    else:
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _flush_to_disk(path: Path) -> None:
    with path.open("rb+") as handle:
        os.fsync(handle.fileno())
