"""A part of a widget that is folded away at first."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from qtpy.QtGui import QIcon
from superqt import QCollapsible

if TYPE_CHECKING:
    from qtpy.QtWidgets import QWidget


def folded(title: str, content: QWidget) -> QCollapsible:
    """Return a button of this title that unfolds `content`."""
    part = QCollapsible(title)
    part.setDuration(0)
    # superqt's own arrows are pictures in black, which a dark theme swallows.
    part.setCollapsedIcon(QIcon())
    part.setExpandedIcon(QIcon())
    part.layout().setContentsMargins(0, 0, 0, 0)
    part.addWidget(content)
    part.toggled.connect(partial(_show_arrow, part, title))
    _show_arrow(part, title, False)
    return part


def _show_arrow(part: QCollapsible, title: str, is_open: bool) -> None:
    part.setText(f"{'▾' if is_open else '▸'} {title}")
