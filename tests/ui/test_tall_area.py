"""A column that scrolls."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtWidgets import QLabel, QVBoxLayout, QWidget

from napari_nuclei.ui.tall_area import TallArea

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot


def test_what_appears_widens_the_area_and_can_be_revealed(qtbot: QtBot) -> None:
    content = QWidget()
    column = QVBoxLayout(content)
    parts = [QLabel("part") for _ in range(3)]
    for part in parts:
        part.setFixedSize(100, 300)
        column.addWidget(part)
    parts[2].setFixedSize(500, 200)
    parts[2].hide()
    area = TallArea(content)
    qtbot.addWidget(area)
    area.resize(200, 250)
    area.show()
    narrow = area.minimumWidth()
    parts[2].show()
    area.reveal(parts[2])
    qtbot.waitUntil(lambda: area.verticalScrollBar().value() > 400)
    assert not parts[2].visibleRegion().isEmpty()
    assert area.minimumWidth() >= 500 + area.verticalScrollBar().width() > narrow
