"""A data set's files, read in place from a folder or from a zip archive.

Nothing is ever extracted: an archive is a read-only tree of names, exactly as a folder is, and
the rest of the package cannot tell the two apart.
"""

from __future__ import annotations

import os
import zipfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Protocol

from napari_nuclei.errors import DatasetError

MAX_FILE_BYTES = 2**30
"""Largest file that is read; an archive that declares more is refused before unpacking a byte."""

MAX_DEPTH = 4
"""Folders below the data set's own that can matter: ``stage1_train/<id>/masks/<file>``."""


class Store(Protocol):
    """A read-only tree of files under one path."""

    @property
    def path(self) -> Path:
        """Return the folder or the archive."""

    def names(self) -> list[str]:
        """Return every file, relative, with ``/``; a folder's own name ends in ``/``."""

    def open(self, name: str) -> IO[bytes]:
        """Open one file for reading."""


@dataclass(frozen=True)
class StoredFile:
    """One file of a data set.

    Attributes
    ----------
    store : Store
        The folder or archive it is in.
    name : str
        Its name there, with ``/`` between the parts.
    """

    store: Store
    name: str

    def __str__(self) -> str:
        """Return the full path, as messages show it."""
        return str(self.store.path / self.name)

    @property
    def stem(self) -> str:
        """The file's name without folder and suffix."""
        return PurePosixPath(self.name).stem

    @property
    def suffix(self) -> str:
        """The suffix in lower case, with its dot."""
        return PurePosixPath(self.name).suffix.lower()

    def open(self) -> IO[bytes]:
        """Open the file for reading."""
        return self.store.open(self.name)


@dataclass(frozen=True)
class FolderStore:
    """The files under a folder."""

    path: Path

    def names(self) -> list[str]:
        """Return every file and folder down to `MAX_DEPTH`, links followed, sorted."""
        names = []
        for folder, folders, files in os.walk(self.path, followlinks=True, onerror=_raise):
            here = Path(folder).relative_to(self.path)
            names += [(here / name).as_posix() for name in files]
            names += [(here / name).as_posix() + "/" for name in folders]
            # Links are followed, so the limit is also what ends a circle of them.
            folders[:] = [name for name in folders if len(here.parts) < MAX_DEPTH - 1]
        return sorted(filter(_is_visible, names))

    def open(self, name: str) -> IO[bytes]:
        """Open one file for reading."""
        return (self.path / name).open("rb")


class ZipStore:
    """The files in a zip archive, which stays open for as long as this object lives.

    Raises
    ------
    DatasetError
        The archive is damaged or encrypted, names a file outside itself or twice, or declares a
        file larger than `MAX_FILE_BYTES`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._archive = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, OSError) as error:
            raise DatasetError(
                f"{path} is not a readable zip archive ({error}); give a folder, or download the "
                "archive again."
            ) from error
        seen: set[str] = set()
        for info in self._archive.infolist():
            self._refuse_unsafe(info)
            if info.filename in seen:
                raise DatasetError(
                    f"{path / info.filename} is in the archive twice; pack the archive again."
                )
            seen.add(info.filename)

    def names(self) -> list[str]:
        """Return every file and folder, sorted."""
        return sorted(filter(_is_visible, self._archive.namelist()))

    def open(self, name: str) -> IO[bytes]:
        """Open one file for reading; several threads may read at once."""
        return self._archive.open(name)

    def _refuse_unsafe(self, info: zipfile.ZipInfo) -> None:
        name = info.filename
        if name.startswith("/") or "\\" in name or ":" in name or ".." in name.split("/"):
            raise DatasetError(
                f"{self.path} holds the unsafe file name {name!r}; pack the archive again with "
                "relative names."
            )
        if info.flag_bits & 1:
            raise DatasetError(f"{self.path / name} is encrypted; unpack the archive first.")
        if info.file_size > MAX_FILE_BYTES:
            raise DatasetError(
                f"{self.path / name} declares {info.file_size:,} bytes, more than the "
                f"{MAX_FILE_BYTES:,} that are read; use an archive from a source you trust."
            )


def open_store(path: Path) -> Store:
    """Open a folder or a zip archive.

    Raises
    ------
    DatasetError
        The path does not exist, or is neither a folder nor a sound archive.
    """
    if not path.exists():
        raise DatasetError(f"{path} does not exist; give the data set's folder or .zip file.")
    if path.is_dir():
        return FolderStore(path)
    return ZipStore(path)


def _is_visible(name: str) -> bool:
    """Tell a file of the data set from what operating systems leave beside it."""
    parts = name.rstrip("/").split("/")
    hidden = any(part.startswith(".") or part == "__MACOSX" for part in parts)
    return not hidden and parts[-1] not in {"Thumbs.db", "desktop.ini"}


def _raise(error: OSError) -> None:
    raise DatasetError(
        f"{error.filename} cannot be listed ({error.strerror}); check its permissions."
    ) from error
