"""Where a project can be kept, told before anything is written there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_nuclei.errors import DatasetError
from napari_nuclei.pipeline import project_folder
from napari_nuclei.pipeline.project_folder import list_writable
from napari_nuclei.pipeline.projects import Pair, Project

LABELS = np.array([[1, 0, 2]], np.int32)


def everything_in(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*"))


def test_a_missing_and_an_empty_folder_become_no_project_yet(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for folder in (tmp_path / "a" / "b", tmp_path / "empty"):
        assert list_writable(Project(folder)) == ()
    assert everything_in(tmp_path) == [tmp_path / "empty"]


def test_a_project_and_pairs_that_were_made_by_hand_are_listed(tmp_path: Path) -> None:
    Project(tmp_path).save(Pair("liver", LABELS, LABELS))
    before = everything_in(tmp_path)
    assert list_writable(Project(tmp_path)) == ("liver",)
    assert everything_in(tmp_path) == before
    (tmp_path / "project.json").unlink()
    assert list_writable(Project(tmp_path)) == ("liver",)


@pytest.mark.parametrize(
    ("made", "folder", "message"),
    [
        ("notes.txt", "", "holds something else than a project: choose an empty folder"),
        ("a/images/a.png", "", "holds something else than a project: choose an empty folder"),
        ("file", "file", "is a file: choose a folder"),
        ("file", "file/project", r"cannot be made or written \(Not a directory\): choose another"),
    ],
)
def test_what_cannot_be_one_is_told_with_what_to_choose(
    tmp_path: Path, made: str, folder: str, message: str
) -> None:
    (tmp_path / made).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / made).write_text("")
    before = everything_in(tmp_path)
    with pytest.raises(DatasetError, match=message):
        list_writable(Project(tmp_path / folder))
    assert everything_in(tmp_path) == before


def test_a_folder_that_refuses_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**options: object) -> object:
        raise PermissionError(13, "Permission denied", "/somewhere/.tmp")

    monkeypatch.setattr(project_folder, "TemporaryDirectory", refuse)
    message = r"project cannot be made or written \(Permission denied\): choose another"
    with pytest.raises(DatasetError, match=message):
        list_writable(Project(tmp_path / "project"))


def test_a_path_from_nowhere_is_not_guessed_at() -> None:
    with pytest.raises(DatasetError, match="give the whole path"):
        list_writable(Project(Path("relative/project")))
