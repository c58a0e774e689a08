"""The models section with real model folders and zips."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from qtpy.QtWidgets import QFileDialog, QInputDialog, QMessageBox

from napari_nuclei import paths
from napari_nuclei.model import store
from napari_nuclei.ui.models_box import ModelsBox
from napari_nuclei.ui.own_models import own_models

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot
    from qtpy.QtWidgets import QPushButton

TIMEOUT_MS = 60_000


@pytest.fixture
def box(qtbot: QtBot, tiny_model: Path) -> ModelsBox:
    shutil.copytree(tiny_model, paths.user_models() / "tiny")
    box = ModelsBox()
    qtbot.addWidget(box)
    return box


@pytest.fixture
def press(qtbot: QtBot) -> Callable[[ModelsBox, QPushButton], None]:
    """Return a function that clicks and waits until everybody was told."""

    def click(box: ModelsBox, button: QPushButton) -> None:
        with qtbot.waitSignal(own_models.changed, timeout=TIMEOUT_MS):
            button.click()

    return click


def names(box: ModelsBox) -> list[str]:
    return [box.table.item(row, 0).text() for row in range(box.table.rowCount())]


def answer(patch: pytest.MonkeyPatch, dialog: type, method: str, value: object) -> None:
    patch.setattr(dialog, method, lambda *args, **options: value)


def test_models_have_a_date_and_notes(box: ModelsBox) -> None:
    assert names(box) == ["tiny"]
    made = store.list_models()[0].provenance["created"]
    assert box.table.item(0, 1).text() == made[:10]
    assert box.rename.isEnabled()


def test_without_models_only_import_is_possible(qtbot: QtBot) -> None:
    box = ModelsBox()
    qtbot.addWidget(box)
    assert names(box) == []
    possible = [b.isEnabled() for b in (box.rename, box.delete, box.export, box.import_)]
    assert possible == [False, False, False, True]


def test_a_model_is_renamed(
    box: ModelsBox, press: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    answer(monkeypatch, QInputDialog, "getText", (" liver ", True))
    told: list[tuple[str, str]] = []
    own_models.renamed.connect(lambda old, new: told.append((old, new)))
    press(box, box.rename)
    assert names(box) == ["liver"]
    assert told == [("tiny", "liver")]
    assert box.status.text() == "tiny is now liver."


def test_a_model_is_deleted_after_a_question(
    box: ModelsBox, press: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    answer(monkeypatch, QMessageBox, "question", QMessageBox.StandardButton.No)
    box.delete.click()
    assert not box.job.running
    answer(monkeypatch, QMessageBox, "question", QMessageBox.StandardButton.Yes)
    press(box, box.delete)
    assert names(box) == []
    assert store.list_models() == []


def test_a_model_goes_into_a_zip_and_comes_back(
    box: ModelsBox, press: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer(monkeypatch, QFileDialog, "getSaveFileName", (str(tmp_path / "shared"), ""))
    press(box, box.export)
    assert box.status.text() == f"tiny is in {tmp_path / 'shared.zip'}."
    store.delete_model("tiny")
    answer(monkeypatch, QFileDialog, "getOpenFileName", (str(tmp_path / "shared.zip"), ""))
    press(box, box.import_)
    assert names(box) == ["tiny"]
    assert box.status.text() == "Imported shared.zip."


def test_a_name_with_dots_stays_as_it_was_typed(
    box: ModelsBox, press: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer(monkeypatch, QFileDialog, "getSaveFileName", (str(tmp_path / "cells v1.2"), ""))
    press(box, box.export)
    assert [path.name for path in tmp_path.glob("*.zip")] == ["cells v1.2.zip"]


def test_a_zip_that_the_dialog_did_not_ask_about_is_replaced_after_a_question(
    box: ModelsBox, press: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    zipped = tmp_path / "mine.zip"
    zipped.write_text("of somebody")
    answer(monkeypatch, QFileDialog, "getSaveFileName", (str(tmp_path / "mine"), ""))
    answer(monkeypatch, QMessageBox, "question", QMessageBox.StandardButton.No)
    box.export.click()
    assert not box.job.running
    assert zipped.read_text() == "of somebody"
    answer(monkeypatch, QMessageBox, "question", QMessageBox.StandardButton.Yes)
    press(box, box.export)
    assert zipped.read_bytes().startswith(b"PK")


def test_what_is_no_model_changes_nothing(
    box: ModelsBox, press: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bad.zip").write_text("no zip")
    answer(monkeypatch, QFileDialog, "getOpenFileName", (str(tmp_path / "bad.zip"), ""))
    errors: list[Exception] = []
    box.failed.connect(errors.append)
    press(box, box.import_)
    assert names(box) == ["tiny"]
    assert box.status.text() == "Nothing was changed."
    assert "bad.zip" in str(errors[0])
