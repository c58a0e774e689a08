"""Keys: documented, without conflicts, bound only while the widget is open."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from app_model.types import KeyBinding
from napari._app_model import get_app_model
from napari.utils.key_bindings import coerce_keybinding
from napari.utils.shortcuts import default_shortcuts
from qtpy.QtCore import Qt

from napari_nuclei.ui import shortcuts

if TYPE_CHECKING:
    from napari.viewer import Viewer
    from pytestqt.qtbot import QtBot

    from napari_nuclei.ui.segment_widget import SegmentWidget

PAGE = Path(__file__).parents[2] / "docs" / "widget.md"
KEYS = (shortcuts.RUN, shortcuts.PROBABILITY, shortcuts.TABLE)


def test_no_key_is_one_of_naparis(viewer: Viewer) -> None:
    ours = {coerce_keybinding(key) for key in KEYS}
    theirs = {binding for bindings in default_shortcuts.values() for binding in bindings}
    theirs |= {rule.keybinding for rule in get_app_model().keybindings}
    assert len(ours) == 3
    assert all(isinstance(binding, KeyBinding) for binding in theirs)
    assert not ours & theirs


def test_keys_press_the_buttons(
    viewer: Viewer, widget: SegmentWidget, two_squares: object, qtbot: QtBot
) -> None:
    viewer.add_image(two_squares, name="cells")
    both = Qt.KeyboardModifier.AltModifier | Qt.KeyboardModifier.ShiftModifier
    with qtbot.waitSignal(widget.job.ended, timeout=30_000):
        qtbot.keyClick(viewer.window._qt_window, Qt.Key.Key_N, both)
    qtbot.keyClick(viewer.window._qt_window, Qt.Key.Key_P, both)
    assert "cells probability" in viewer.layers


def test_keys_are_let_go_with_the_dock(viewer: Viewer, widget: SegmentWidget) -> None:
    keymap = viewer.keymap
    assert {coerce_keybinding(key) for key in KEYS} <= set(keymap)
    viewer.window.remove_dock_widget(widget)
    assert not {coerce_keybinding(key) for key in KEYS} & set(keymap)


def test_a_key_of_somebody_else_is_left_alone(viewer: Viewer) -> None:
    viewer.bind_key(shortcuts.RUN, lambda viewer: None)
    before = viewer.keymap[coerce_keybinding(shortcuts.RUN)]
    bound = shortcuts.Shortcuts(viewer, {shortcuts.RUN: print})
    assert viewer.keymap[coerce_keybinding(shortcuts.RUN)] is before
    bound.release()
    assert viewer.keymap[coerce_keybinding(shortcuts.RUN)] is before


def test_the_guide_lists_every_key() -> None:
    named = set(re.findall(r"`((?:\w+\+)+\w)`", PAGE.read_text(encoding="utf-8")))
    assert {key.replace("-", "+") for key in KEYS} <= named
