"""Atomic writes: a file is there whole or not at all, whatever happens in between. And a lock."""

from __future__ import annotations

import errno
import os
import sys
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

Writer = Callable[[Path], object]
"""Writes the file whose path it gets."""

_STEM_CHARACTERS = 40


def replace_file(path: Path, write: Writer) -> None:
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
    with _filled(path, write) as temporary:
        temporary.replace(path)


def replace_files(writers: Mapping[Path, Writer], removed: Iterable[Path] = ()) -> None:
    """Replace files that belong together, of which the last one vouches for the others.

    While the others change, the last one is missing: whoever finds it finds all of one kind, even
    if the process was killed in between.

    Parameters
    ----------
    writers : mapping of Path to callable
        At least one; each is called as that of `replace_file`, all before any file is replaced.
    removed : iterable of Path
        Files that do not belong to the new ones, as far as they are there.

    Raises
    ------
    OSError
        When the folder or the disk refuses. If it was a writer, or another program holds one of the
        files, all are as they were before.
    """
    removed = tuple(removed)
    *_, voucher = writers
    with ExitStack() as stack:
        filled = {path: stack.enter_context(_filled(path, writers[path])) for path in writers}
        for path in (*writers, *removed):
            _check_free(path)
        for path in (voucher, *removed):
            path.unlink(missing_ok=True)
        for path, temporary in filled.items():
            temporary.replace(path)


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


@contextmanager
def _filled(path: Path, write: Writer) -> Iterator[Path]:
    """Give a written temporary file beside `path`, which is gone after the block at the latest."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # The name of `path` may be as long as the system allows.
    temporary = path.with_name(f".{path.stem[:_STEM_CHARACTERS]}.{uuid.uuid4().hex}{path.suffix}")
    try:
        write(temporary)
        _flush_to_disk(temporary)
        yield temporary
    finally:
        temporary.unlink(missing_ok=True)


def _check_free(path: Path) -> None:
    """Raise an OSError where a folder has the name, or a program holds the file, on Windows."""
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if path.exists():
        # Changes nothing, and is refused for what others may not remove: a table in a spreadsheet.
        path.replace(path)


def _flush_to_disk(path: Path) -> None:
    with path.open("rb+") as handle:
        os.fsync(handle.fileno())
