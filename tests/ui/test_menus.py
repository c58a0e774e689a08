"""The menu entries that the documentation and the messages name are those that napari shows."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from napari_nuclei.core.axes import AxisReading
from napari_nuclei.ui.planes import Scope
from napari_nuclei.ui.refusals import refusal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from napari.viewer import Viewer
    from qtpy.QtWidgets import QMenu, QMenuBar

ROOT = Path(__file__).parents[2]


def entries(menu: QMenu | QMenuBar, before: str = "") -> Iterator[str]:
    for action in menu.actions():
        entry = before + action.text().replace("&", "")
        yield entry
        if action.menu():
            action.menu().aboutToShow.emit()  # napari fills some menus only now
            yield from entries(action.menu(), f"{entry} > ")


@pytest.fixture
def menu(viewer: Viewer) -> set[str]:
    return set(entries(viewer.window._qt_window.menuBar()))


@pytest.mark.parametrize(
    "page", ["README.md", "docs/widget.md", "docs/correct-and-train.md", "docs/batch.md"]
)
def test_documented_entries_are_in_the_menu(page: str, menu: set[str]) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    named = set(re.findall(r"\*((?:File|Layers|Plugins) > [^*]+)\*", text))
    assert len(named) >= 2
    assert named <= menu


def test_the_message_without_an_image_names_the_menu(viewer: Viewer, menu: set[str]) -> None:
    reading = AxisReading((0, 0), ("", ""))
    entry = refusal(viewer, None, reading, Scope.PLANE).partition("with ")[2].rstrip(".")
    assert entry in menu
