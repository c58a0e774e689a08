"""Drawing a nucleus anew with napari's polygon: one step of undo, or none when it is given up."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from app_model.types import KeyCode, KeyMod
from qtpy.QtCore import QTimer

if TYPE_CHECKING:
    from napari_nuclei.ui.corrector import Corrector

_GIVE_UP = ("Escape", KeyMod.CtrlCmd | KeyCode.KeyZ)


class Redrawing:
    """A nucleus that is erased until it is drawn anew; until `stop`, which brings it back if not.

    Parameters
    ----------
    corrector : Corrector
        Of the selected layer.
    nucleus : int
        Its id.
    on_drawn, on_left : callable
        Get nothing: the nucleus is drawn; or Escape or undo was pressed, or another tool of napari
        chosen.

    Raises
    ------
    InputError
        When there is no such nucleus.
    """

    def __init__(
        self,
        corrector: Corrector,
        nucleus: int,
        on_drawn: Callable[[], object],
        on_left: Callable[[], object],
    ) -> None:
        layer = corrector.layer
        self._corrector, self._nucleus = corrector, nucleus
        self._on_drawn, self._on_left = on_drawn, on_left
        self._data = layer.data
        self._is_drawn = self._is_stopped = False
        self._mode_before = layer.mode
        # A stroke as one of the brush: all until its end is one step.
        layer._begin_stroke()
        corrector.delete(nucleus)
        layer.selected_label = nucleus
        layer.mode = "polygon"
        self._keys_before = {
            key: layer.bind_key(key, lambda layer: on_left(), overwrite=True) for key in _GIVE_UP
        }
        layer.events.labels_update.connect(self._on_shown)
        layer.events.mode.connect(self._on_mode)

    def stop(self) -> None:
        """End it, with the old nucleus as it was unless there is a new one."""
        layer, self._is_stopped = self._corrector.layer, True
        layer.events.labels_update.disconnect(self._on_shown)
        layer.events.mode.disconnect(self._on_mode)
        for key, before in self._keys_before.items():
            layer.bind_key(key, before, overwrite=True)
        layer._overlays["polygon"].points = []
        if self._is_drawn or layer.data is not self._data:
            layer._commit_stroke()
        else:
            layer._abort_stroke()
        if layer.mode == "polygon":
            layer.mode = self._mode_before

    def _on_shown(self, event: object = None) -> None:
        if not self._is_drawn and self._corrector.centre_of(self._nucleus):
            self._is_drawn = True
            # Not now: napari's polygon tool is still painting.
            QTimer.singleShot(0, self._end)

    def _end(self) -> None:
        if not self._is_stopped:
            self._on_drawn()

    def _on_mode(self, event: object = None) -> None:
        self._on_left()
