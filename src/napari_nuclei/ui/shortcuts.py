"""Keys bound while a widget or its tools are in use: napari does not read them from a manifest."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from napari.utils.key_bindings import coerce_keybinding

if TYPE_CHECKING:
    from napari.components import ViewerModel

RUN, PROBABILITY, TABLE = "Alt-Shift-N", "Alt-Shift-P", "Alt-Shift-F"


class Shortcuts:
    """Keys of a viewer that call functions.

    A key that somebody else has bound already is left alone.
    """

    def __init__(self, viewer: ViewerModel, actions: dict[str, Callable[[], object]]) -> None:
        self._viewer = viewer
        self._keys = [key for key in actions if coerce_keybinding(key) not in viewer.keymap]
        for key in self._keys:
            viewer.bind_key(key, _as_callback(actions[key]))

    def release(self) -> None:
        """Let the keys go."""
        for key in self._keys:
            self._viewer.bind_key(key, None)
        self._keys = []


def _as_callback(action: Callable[[], object]) -> Callable[[ViewerModel], None]:
    def on_key(viewer: ViewerModel) -> None:
        action()

    return on_key
