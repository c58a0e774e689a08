"""The two files of a model as bytes, in a folder or in an uncompressed zip to share."""

from __future__ import annotations

import os
import shutil
import uuid
import zipfile
from pathlib import Path

from napari_nuclei import files
from napari_nuclei.errors import ModelError

MANIFEST_FILE = "manifest.json"
WEIGHTS_FILE = "weights.safetensors"

Contents = dict[str, bytes]
"""The content of both files, by file name."""

# In the order of writing: the manifest comes last, and without it a folder is no model.
_MAX_BYTES = {WEIGHTS_FILE: 2**28, MANIFEST_FILE: 2**20}
# Of a zip's headers, for two files with short names.
_MAX_HEADER_BYTES = 2**12
_ONLY_THESE = f"it is not a zip of {' and '.join(_MAX_BYTES)} and nothing else"
# Of the record at a zip's end, of that of a zip64 before it, and where the former has the
# directory's size.
_END_BYTES, _LOCATOR_BYTES, _DIRECTORY_BYTES = 22, 20, slice(-10, -6)
_READABLE_BY_ALL = 0o644 << 16
_ENCRYPTED = 0x1


def read_file(path: Path) -> bytes:
    """Read one of the two files of a model folder.

    Raises
    ------
    ModelError
        When it is missing, unreadable, or too large to be what its name says.
    """
    try:
        # A device or a pipe can be read for ever.
        if not path.is_file():
            raise ModelError(f"{path.parent}: no model here ({path.name} is missing).")
        if path.stat().st_size > _MAX_BYTES[path.name]:
            raise ModelError(f"{path}: too large to be part of a model.")
        return path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path}: cannot be read ({error}).") from error


def read(path: Path) -> Contents:
    """Read both files from a model folder, or from a zip without unpacking it.

    Raises
    ------
    ModelError
        When something is missing, unreadable or too large; when the zip holds anything else.
    """
    if path.is_dir():
        return {name: read_file(path / name) for name in _MAX_BYTES}
    try:
        if path.stat().st_size > sum(_MAX_BYTES.values()) + _MAX_HEADER_BYTES:
            raise zipfile.BadZipFile("it is too large")
        _check_directory(path)
        with zipfile.ZipFile(path) as archive:
            return _read_members(archive)
    # zipfile raises the last three for damaged headers.
    except (OSError, zipfile.BadZipFile, EOFError, NotImplementedError, ValueError) as error:
        raise ModelError(f"{path}: cannot be read as a model ({error}).") from error


def write_folder(folder: Path, contents: Contents) -> None:
    """Write both files into a folder, each one atomically and the manifest last.

    Raises
    ------
    ModelError
        When the folder or the disk refuses, or the files would be too large to be read again.
    """
    _refuse_too_large(folder, contents)
    try:
        for name in _MAX_BYTES:
            files.write_bytes(folder / name, contents[name])
    except OSError as error:
        raise ModelError(f"{folder}: cannot be written ({error}).") from error


def add_folder(folder: Path, contents: Contents) -> None:
    """Write both files into a new folder that appears in one step.

    Raises
    ------
    ModelError
        When there is something already, or the disk refuses.
    """
    temporary = folder.with_name(f".{uuid.uuid4().hex}")
    try:
        write_folder(temporary, contents)
        temporary.replace(folder)
    except OSError as error:
        raise ModelError(f"{folder}: cannot be written ({error}).") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def remove_folder(folder: Path) -> None:
    """Remove a folder that disappears in one step, so that nobody meets half a model.

    Raises
    ------
    ModelError
        When the disk refuses.
    """
    trash = folder.with_name(f".{uuid.uuid4().hex}")
    try:
        folder.replace(trash)
    except OSError as error:
        raise ModelError(f"{folder}: cannot be deleted ({error}).") from error
    # It is gone for everybody by now: what cannot be removed costs only room.
    if trash.is_symlink():
        trash.unlink()
    shutil.rmtree(trash, ignore_errors=True)


def write_zip(path: Path, contents: Contents) -> None:
    """Write both files into one zip atomically; the same contents give the same bytes.

    Raises
    ------
    ModelError
        When the folder or the disk refuses, or the files would be too large to be read again.
    """
    _refuse_too_large(path, contents)
    try:
        files.replace_file(path, lambda temporary: _write_members(temporary, contents))
    except OSError as error:
        raise ModelError(f"{path}: cannot be written ({error}).") from error


def _refuse_too_large(path: Path, contents: Contents) -> None:
    """Refuse what could not be read again."""
    for name, most_bytes in _MAX_BYTES.items():
        if len(contents[name]) > most_bytes:
            raise ModelError(f"{path}: {name} would be larger than {most_bytes:,} bytes.")


def _check_directory(path: Path) -> None:
    """Refuse a zip of many entries before zipfile makes an object of each."""
    with path.open("rb") as stream:
        stream.seek(-min(_END_BYTES + _LOCATOR_BYTES, path.stat().st_size), os.SEEK_END)
        end = stream.read()
    # It ends with the record of the directory: there is no comment, and no larger record.
    is_plain = end[-_END_BYTES:].startswith(b"PK\x05\x06") and not end.startswith(b"PK\x06\x07")
    if not is_plain or int.from_bytes(end[_DIRECTORY_BYTES], "little") > _MAX_HEADER_BYTES:
        raise zipfile.BadZipFile(_ONLY_THESE)


def _read_members(archive: zipfile.ZipFile) -> Contents:
    members = archive.infolist()
    if sorted(member.filename for member in members) != sorted(_MAX_BYTES):
        raise zipfile.BadZipFile(_ONLY_THESE)
    for member in members:
        if member.compress_type != zipfile.ZIP_STORED or member.flag_bits & _ENCRYPTED:
            raise zipfile.BadZipFile(f"{member.filename} is compressed or encrypted")
        if member.file_size > _MAX_BYTES[member.filename]:
            raise zipfile.BadZipFile(f"{member.filename} is too large")
    return {member.filename: archive.read(member) for member in members}


def _write_members(path: Path, contents: Contents) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name in _MAX_BYTES:
            # Without a time of its own, so that equal models make equal files.
            member = zipfile.ZipInfo(name)
            member.external_attr = _READABLE_BY_ALL
            archive.writestr(member, contents[name])
