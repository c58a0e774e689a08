from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from qtpy.QtWidgets import QFileDialog

from napari_nuclei.ui.folder_box import FolderBox

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot


@pytest.fixture
def box(qtbot: QtBot) -> FolderBox:
    box = FolderBox("Images", "Where they are")
    qtbot.addWidget(box)
    return box


@pytest.mark.parametrize(
    ("typed", "path"),
    [
        ("", None),
        ("  ", None),
        (" a b ", Path("a b")),
        ("~", Path.home()),
        ("~nobody has this name", Path("~nobody has this name")),
    ],
)
def test_what_is_typed_is_the_path(typed: str, path: Path | None, box: FolderBox) -> None:
    box.line.setText(typed)
    assert box.path == path


@pytest.mark.parametrize(("chosen", "path"), [("there", Path("there")), ("", Path("here"))])
def test_a_dialog_that_is_cancelled_changes_nothing(
    chosen: str, path: Path, box: FolderBox, monkeypatch: pytest.MonkeyPatch
) -> None:
    box.set_path("here")
    asked: list[tuple[object, ...]] = []
    monkeypatch.setattr(
        QFileDialog, "getExistingDirectory", lambda *args: asked.append(args[1:]) or chosen
    )
    box.button.click()
    assert asked == [("Images", "here")]
    assert box.path == path
