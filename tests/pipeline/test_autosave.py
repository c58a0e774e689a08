"""Work that is saved, and found again when its process has died."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from napari_nuclei import files
from napari_nuclei.core.changes import see_nucleus, see_rectangle
from napari_nuclei.core.review import Rectangle
from napari_nuclei.errors import DatasetError
from napari_nuclei.pipeline import autosave
from napari_nuclei.pipeline.autosave import Session, Work, find_lost

LABELS = np.array([[0, 1, 1, 0], [2, 2, 0, 3]], np.uint16)
KILLED = """
import sys, time
from pathlib import Path
import numpy as np
from napari_nuclei.pipeline.autosave import Session, Work
session = Session(Path(sys.argv[1]))
labels = np.full((3, 4), 7, np.int32)
session.save("a", Work("cells", labels, labels * 0, labels > 0, (), {"scale": [0.5, 0.5]}))
print("saved", flush=True)
time.sleep(60)
"""


@pytest.fixture
def work() -> Work:
    nucleus = see_nucleus(LABELS, 1)
    assert nucleus is not None
    seen = (nucleus, see_rectangle(LABELS, Rectangle(0, 2, 2, 4)))
    return Work("cells", LABELS, LABELS * 0, LABELS == 2, seen, {"units": ["um", "um"]})


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    session = Session(tmp_path)
    yield session
    session.close()


def die(session: Session) -> None:
    """Let go of the lock as the system does when a process dies."""
    session._held.close()


def assert_same(one: Work, other: Work) -> None:
    assert (one.name, one.place) == (other.name, other.place)
    for name in ("labels", "found", "painted"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    assert one.labels.dtype == other.labels.dtype
    assert len(one.seen) == len(other.seen)
    for mine, theirs in zip(one.seen, other.seen, strict=True):
        assert (mine.window, mine.nucleus) == (theirs.window, theirs.nucleus)
        np.testing.assert_array_equal(mine.labels, theirs.labels)


def test_what_a_dead_process_saved_last_comes_back_whole(
    tmp_path: Path, session: Session, work: Work
) -> None:
    session.save("a", replace(work, labels=LABELS * 5, seen=()))
    session.save("a", work)
    die(session)
    (lost,) = find_lost(tmp_path)
    assert lost.name == "cells"
    assert_same(lost.read(), work)


def test_what_a_living_process_saved_is_its_own(
    tmp_path: Path, session: Session, work: Work
) -> None:
    session.save("a", work)
    assert find_lost(tmp_path) == ()


def test_a_process_that_is_killed_leaves_its_work(tmp_path: Path) -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "saved\n"
    assert find_lost(tmp_path) == ()
    child.kill()
    child.wait()
    child.stdout.close()
    (lost,) = find_lost(tmp_path)
    assert (lost.read().labels == 7).all()


def test_nothing_is_left_of_a_process_that_ends_in_order(tmp_path: Path, work: Work) -> None:
    session = Session(tmp_path)
    session.save("a", work)
    session.close()
    session.save("a", work)
    session.close()
    assert list(tmp_path.iterdir()) == []


def test_a_layer_that_is_gone_is_forgotten(tmp_path: Path, session: Session, work: Work) -> None:
    session.save("a", work)
    session.save("b", replace(work, name="other"))
    session.forget("a")
    session.forget("never")
    die(session)
    assert [lost.name for lost in find_lost(tmp_path)] == ["other"]


def test_lost_work_is_adopted_or_discarded(tmp_path: Path, session: Session, work: Work) -> None:
    dead = Session(tmp_path)
    dead.save("a", work)
    dead.save("b", replace(work, name="other"))
    die(dead)
    first, second = sorted(find_lost(tmp_path), key=lambda lost: lost.name)
    session.adopt("new", first)
    assert [lost.name for lost in find_lost(tmp_path)] == ["other"]
    second.discard()
    assert find_lost(tmp_path) == ()
    assert len(list(tmp_path.iterdir())) == 1
    die(session)
    assert_same(find_lost(tmp_path)[0].read(), work)


def test_a_damaged_file_is_offered_and_named_when_it_is_read(
    tmp_path: Path, session: Session, work: Work
) -> None:
    session.save("a", work)
    die(session)
    (lost,) = find_lost(tmp_path)
    lost.path.write_bytes(lost.path.read_bytes()[:200])
    (damaged,) = find_lost(tmp_path)
    with pytest.raises(DatasetError, match="cannot be read"):
        damaged.read()
    lost.path.unlink()
    with pytest.raises(DatasetError, match="cannot be read"):
        damaged.read()


@pytest.mark.parametrize("content", [b"", b"no zip", b"an array"])
def test_damage_of_any_kind_hides_no_other_work(
    content: bytes, tmp_path: Path, session: Session, work: Work
) -> None:
    session.save("a", work)
    session.save("b", work)
    die(session)
    path = next(tmp_path.glob("*/a.npz"))
    if content == b"an array":
        with path.open("wb") as file:
            np.save(file, LABELS)
    else:
        path.write_bytes(content)
    found = {lost.path.stem: lost for lost in find_lost(tmp_path)}
    assert_same(found["b"].read(), work)
    with pytest.raises(DatasetError, match="cannot be read"):
        found["a"].read()


def test_a_bit_that_the_disk_lost_is_told(tmp_path: Path, session: Session, work: Work) -> None:
    session.save("a", work)
    die(session)
    (path,) = tmp_path.glob("*/a.npz")
    content = bytearray(path.read_bytes())
    for place in range(60, 90):  # within the first array
        content[place] ^= 0xFF
    path.write_bytes(content)
    (lost,) = find_lost(tmp_path)
    with pytest.raises(DatasetError, match="cannot be read"):
        lost.read()


def test_no_pickle_is_written(tmp_path: Path, session: Session, work: Work) -> None:
    session.save("a", work)
    (path,) = tmp_path.glob("*/*.npz")
    with np.load(path, allow_pickle=False) as arrays:
        assert json.loads(str(arrays["about"]))["name"] == "cells"


def test_a_full_disk_leaves_what_was_saved_before(
    tmp_path: Path, session: Session, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    session.save("a", work)

    def refuse(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(autosave.np, "savez_compressed", refuse)
        with pytest.raises(OSError, match="No space left"):
            session.save("a", replace(work, name="later"))
    die(session)
    assert [lost.name for lost in find_lost(tmp_path)] == ["cells"]


def test_where_nothing_was_ever_saved_nothing_is_found(tmp_path: Path) -> None:
    assert find_lost(tmp_path / "missing") == ()


def test_a_folder_whose_lock_cannot_be_read_is_left_alone(
    tmp_path: Path, session: Session, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    session.save("a", work)
    die(session)

    def refuse(path: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(files, "locked", refuse)
    assert find_lost(tmp_path) == ()
