from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from napari_nuclei import files


def _refuse(*_: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_writes_a_file_and_the_folders_above_it(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "note.txt"

    files.write_text(path, "15 µm\r\n")

    assert path.read_bytes() == b"15 \xc2\xb5m\r\n"
    assert list(path.parent.iterdir()) == [path]


def test_replaces_a_file(tmp_path: Path) -> None:
    path = tmp_path / "note.txt"
    path.write_text("old")

    files.write_bytes(path, b"new")

    assert path.read_bytes() == b"new"


def test_the_writer_gets_a_path_beside_the_file_and_of_the_same_kind(tmp_path: Path) -> None:
    path = tmp_path / "image.tif"
    seen: list[Path] = []

    def write(temporary: Path) -> None:
        seen.append(temporary)
        temporary.write_bytes(b"new")
        assert not path.exists()

    files.replace_file(path, write)

    assert seen[0].parent == tmp_path
    assert seen[0].suffix == ".tif"


def test_a_writer_that_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "note.txt"
    path.write_text("old")

    def write_half(temporary: Path) -> None:
        temporary.write_text("ne")
        raise RuntimeError("the computer is tired")

    with pytest.raises(RuntimeError, match="tired"):
        files.replace_file(path, write_half)

    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(("owner", "name"), [(os, "fsync"), (Path, "replace")])
def test_a_full_disk_leaves_the_old_file_and_nothing_else(
    owner: object, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "note.txt"
    path.write_text("old")
    monkeypatch.setattr(owner, name, _refuse)

    with pytest.raises(OSError, match="No space left"):
        files.write_text(path, "new")

    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_content_is_on_the_disk_before_it_takes_the_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "note.txt"
    existed: list[bool] = []
    monkeypatch.setattr(os, "fsync", lambda _: existed.append(path.exists()))

    files.write_text(path, "new")

    assert existed == [False]
    assert path.exists()


def test_a_name_may_be_as_long_as_the_system_allows(tmp_path: Path) -> None:
    path = tmp_path / f"{'n' * 251}.txt"
    files.write_text(path, "new")
    assert path.read_text() == "new"


def _pair(folder: Path) -> tuple[Path, Path]:
    table, labels = folder / "table.csv", folder / "labels.tif"
    table.write_text("old")
    labels.write_text("old")
    return table, labels


def _contents(*paths: Path) -> list[str]:
    return [path.read_text() for path in paths if path.exists()]


def test_files_that_belong_together_are_replaced_together(tmp_path: Path) -> None:
    table, labels = _pair(tmp_path)
    (tmp_path / "overlay.png").touch()
    writers = dict.fromkeys((table, labels), lambda path: path.write_text("new"))

    files.replace_files(writers, removed=[tmp_path / "overlay.png", tmp_path / "no.tif"])

    assert sorted(tmp_path.iterdir()) == [labels, table]
    assert _contents(table, labels) == ["new", "new"]


def test_if_one_of_them_cannot_be_written_all_stay_as_they_were(tmp_path: Path) -> None:
    table, labels = _pair(tmp_path)
    writers = {table: lambda path: path.write_text("new"), labels: _refuse}

    with pytest.raises(OSError, match="No space left"):
        files.replace_files(writers, removed=[tmp_path / "table.csv"])

    assert _contents(table, labels) == ["old", "old"]
    assert sorted(tmp_path.iterdir()) == [labels, table]


def test_the_last_is_missing_while_the_others_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table, labels = _pair(tmp_path)
    writers = dict.fromkeys((table, labels), lambda path: path.write_text("new"))
    monkeypatch.setattr(Path, "replace", lambda path, to: path == to or _refuse())

    with pytest.raises(OSError, match="No space left"):
        files.replace_files(writers)

    assert list(tmp_path.iterdir()) == [table]


def test_if_a_folder_has_the_name_of_one_of_them_all_stay_as_they_were(tmp_path: Path) -> None:
    table, labels = _pair(tmp_path)
    (tmp_path / "overlay.png").mkdir()
    writers = dict.fromkeys((table, labels), lambda path: path.write_text("new"))

    with pytest.raises(IsADirectoryError, match="directory"):
        files.replace_files(writers, removed=[tmp_path / "overlay.png"])

    assert _contents(table, labels) == ["old", "old"]


@pytest.mark.parametrize("held", ["table.csv", "labels.tif", "overlay.png"])
def test_if_another_program_holds_one_of_them_all_stay_as_they_were(
    held: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table, labels = _pair(tmp_path)
    overlay = tmp_path / "overlay.png"
    overlay.write_text("old")
    writers = dict.fromkeys((table, labels), lambda path: path.write_text("new"))
    real = Path.replace

    def replace_on_windows(path: Path, to: Path) -> Path:
        if held in (path.name, to.name):
            raise PermissionError(errno.EACCES, "used by another process")
        return real(path, to)

    monkeypatch.setattr(Path, "replace", replace_on_windows)

    with pytest.raises(PermissionError, match="used by another process"):
        files.replace_files(writers, removed=iter([overlay]))

    assert _contents(table, labels, overlay) == ["old", "old", "old"]
    assert sorted(tmp_path.iterdir()) == [labels, overlay, table]


def test_a_lock_is_held_by_one_at_a_time(tmp_path):
    lock = tmp_path / ".lock"
    with files.locked(lock), pytest.raises(BlockingIOError), files.locked(lock):
        pass
    with files.locked(lock):
        pass


def test_a_lock_dies_with_its_process(tmp_path):
    lock = tmp_path / ".lock"
    program = (
        "import sys; from pathlib import Path; from napari_nuclei import files\n"
        f"with files.locked(Path({str(lock)!r})): print(flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        holder.stdout.readline()
        with pytest.raises(BlockingIOError), files.locked(lock):
            pass
        holder.kill()
        holder.wait()
        with files.locked(lock):
            pass
