"""A button that opens a page of the guide in the browser."""

from __future__ import annotations

from functools import partial

from qtpy.QtCore import QUrl
from qtpy.QtGui import QDesktopServices
from qtpy.QtWidgets import QPushButton

_GUIDE = "https://github.com/napari-nuclei/napari-nuclei/blob/main/docs/"


def help_button(page: str) -> QPushButton:
    """Return a button that opens `page`, such as ``"widget.md"``."""
    button = QPushButton("Help")
    button.setFlat(True)
    button.setToolTip(f"Open the guide in the browser:\n{_GUIDE}{page}")
    button.clicked.connect(partial(_open, page))
    return button


def _open(page: str, checked: bool = False) -> None:
    QDesktopServices.openUrl(QUrl(f"{_GUIDE}{page}"))
