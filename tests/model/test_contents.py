from __future__ import annotations

import errno
import io
import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_nuclei.errors import ModelError
from napari_nuclei.model import contents

CONTENTS = {"weights.safetensors": b"\x00weights\xff", "manifest.json": b"{}"}


def _zip(members: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def test_a_folder_gives_back_what_was_written(tmp_path: Path) -> None:
    contents.write_folder(tmp_path / "model", CONTENTS)

    assert contents.read(tmp_path / "model") == CONTENTS


def test_a_zip_gives_back_what_was_written(tmp_path: Path) -> None:
    contents.write_zip(tmp_path / "model.zip", CONTENTS)

    assert contents.read(tmp_path / "model.zip") == CONTENTS


def test_a_zip_is_plain_and_always_the_same(tmp_path: Path) -> None:
    contents.write_zip(tmp_path / "a.zip", CONTENTS)
    contents.write_zip(tmp_path / "b.zip", dict(reversed(CONTENTS.items())))

    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        members = archive.infolist()
    assert [member.filename for member in members] == list(CONTENTS)
    assert all(member.compress_type == zipfile.ZIP_STORED for member in members)


def test_a_disk_that_fills_up_before_the_manifest_leaves_no_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []

    def full_at_the_second(_: int) -> None:
        calls.append(1)
        if len(calls) == 2:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full_at_the_second)

    with pytest.raises(ModelError, match="No space left"):
        contents.write_folder(tmp_path / "model", CONTENTS)

    assert [path.name for path in (tmp_path / "model").iterdir()] == ["weights.safetensors"]


@pytest.mark.parametrize("write", [contents.add_folder, contents.write_zip])
def test_a_full_disk_leaves_nothing(
    write: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert callable(write)

    with pytest.raises(ModelError, match="No space left"):
        write(tmp_path / "model", CONTENTS)

    assert list(tmp_path.iterdir()) == []


def test_a_new_folder_does_not_replace_another(tmp_path: Path) -> None:
    contents.add_folder(tmp_path / "model", CONTENTS)

    with pytest.raises(ModelError, match="cannot be written"):
        contents.add_folder(tmp_path / "model", {**CONTENTS, "manifest.json": b"[]"})

    assert contents.read(tmp_path / "model") == CONTENTS
    assert list(tmp_path.iterdir()) == [tmp_path / "model"]


def test_a_removed_folder_is_gone(tmp_path: Path) -> None:
    contents.add_folder(tmp_path / "model", CONTENTS)

    contents.remove_folder(tmp_path / "model")

    assert list(tmp_path.iterdir()) == []


def test_of_a_linked_folder_the_link_is_removed(tmp_path: Path) -> None:
    contents.write_folder(tmp_path / "elsewhere", CONTENTS)
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "mine").symlink_to(tmp_path / "elsewhere", target_is_directory=True)

    contents.remove_folder(tmp_path / "models" / "mine")

    assert list((tmp_path / "models").iterdir()) == []
    assert contents.read(tmp_path / "elsewhere") == CONTENTS


def test_a_folder_is_gone_although_its_files_cannot_be_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    contents.add_folder(tmp_path / "model", CONTENTS)
    monkeypatch.setattr(os, "unlink", refuse)

    contents.remove_folder(tmp_path / "model")

    assert not (tmp_path / "model").exists()


@pytest.mark.parametrize("write", [contents.add_folder, contents.write_zip])
def test_what_could_not_be_read_again_is_not_written(
    write: Callable[[Path, contents.Contents], None], tmp_path: Path
) -> None:
    large = {**CONTENTS, "manifest.json": b" " * (2**20 + 1)}

    with pytest.raises(ModelError, match=r"manifest\.json would be larger than 1,048,576 bytes"):
        write(tmp_path / "model", large)

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("missing", ["manifest.json", "weights.safetensors"])
def test_a_folder_without_one_of_the_files_is_no_model(missing: str, tmp_path: Path) -> None:
    contents.write_folder(tmp_path, CONTENTS)
    (tmp_path / missing).unlink()

    with pytest.raises(ModelError, match=f"no model here .{missing} is missing"):
        contents.read(tmp_path)


def test_a_device_is_no_file_of_a_model(tmp_path: Path) -> None:
    if not Path("/dev/zero").exists():
        pytest.skip("this system has no /dev/zero")
    (tmp_path / "manifest.json").symlink_to("/dev/zero")

    with pytest.raises(ModelError, match="is missing"):
        contents.read_file(tmp_path / "manifest.json")


def test_a_manifest_of_more_than_a_mebibyte_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "manifest.json"
    path.write_bytes(b" " * (2**20 + 1))

    with pytest.raises(ModelError, match="too large"):
        contents.read_file(path)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "not a zip"),
        (b"plain text", "not a zip"),
        (_zip({"manifest.json": b"{}"}), "nothing else"),
        (_zip({**CONTENTS, "readme.txt": b""}), "nothing else"),
        (_zip({"weights.safetensors": b"", "../manifest.json": b""}), "nothing else"),
        (_zip({f"{number}.txt": b"" for number in range(100)}), "nothing else"),
        (_zip(CONTENTS) + b"trailing", "nothing else"),
        (_zip(CONTENTS)[:-22] + b"PK\x06\x07" + bytes(16) + _zip(CONTENTS)[-22:], "nothing else"),
        (_zip(CONTENTS, zipfile.ZIP_DEFLATED), "compressed"),
        (_zip({**CONTENTS, "manifest.json": b" " * (2**20 + 1)}), "too large"),
    ],
)
def test_another_kind_of_file_is_refused(content: bytes, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "model.zip"
    path.write_bytes(content)

    with pytest.raises(ModelError, match=reason) as caught:
        contents.read(path)
    assert str(path) in str(caught.value)


def test_a_zip_of_many_entries_is_refused_before_they_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "model.zip"
    path.write_bytes(_zip({f"{number}.txt": b"" for number in range(100)}))
    monkeypatch.setattr(zipfile, "ZipFile", None)

    with pytest.raises(ModelError, match="nothing else"):
        contents.read(path)


def test_a_zip_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"nothing\.zip: cannot be read"):
        contents.read(tmp_path / "nothing.zip")


@settings(deadline=None)
@given(data=st.data())
def test_a_damaged_zip_is_refused_or_gives_the_same(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    content = _zip(CONTENTS)
    position = data.draw(st.integers(0, len(content) - 1))
    changed = bytearray(content)
    changed[position] = data.draw(st.integers(0, 255))
    cut = data.draw(st.sampled_from([len(content), position]))
    path = tmp_path_factory.getbasetemp() / "damaged.zip"
    path.write_bytes(changed[:cut])
    try:
        read = contents.read(path)
    except ModelError:
        return
    assert read == CONTENTS
