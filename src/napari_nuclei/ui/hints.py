"""What a person is told while correcting a layer, for as long as it is true."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from qtpy.QtCore import QObject, Signal

from napari_nuclei.errors import InputError
from napari_nuclei.ui.undoable import last_step, was_undone

if TYPE_CHECKING:
    from napari_nuclei.ui.corrector import Corrector


class Hints(QObject):
    """Tells what was done, and after an undo of that only what to do.

    `said` tells a person; empty: nothing any more.

    Attributes
    ----------
    lasting : callable
        Returns what to do now, whatever is undone.
    """

    said = Signal(str)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._corrector: Corrector | None = None
        self._step: object = None
        self.lasting: Callable[[], str] = str

    def follow(self, corrector: Corrector | None) -> None:
        """Tell of what is done to another layer, or to none."""
        if self._corrector is not None:
            self._corrector.corrections.changed.disconnect(self._on_changed)
        self._corrector, self._step = corrector, None
        if corrector is not None:
            corrector.corrections.changed.connect(self._on_changed)

    def last_step(self) -> object:
        """Return what stands for the last step of undo by now."""
        return None if self._corrector is None else last_step(self._corrector.layer)

    def tell_of(self, act: Callable[[], str]) -> None:
        """Do something, and tell what it returns or why it cannot be done."""
        before = self.last_step()
        try:
            told = act()
        except InputError as error:
            told = str(error)
        self.tell(told, before)

    def tell(self, told: str, before: object) -> None:
        """Tell of what was done since a last step of undo; `before` is that one."""
        step = self.last_step()
        self._step = None if step is before else step
        self.said.emit(told)

    def _on_changed(self) -> None:
        if self._corrector is not None and was_undone(self._corrector.layer, self._step):
            self._step = None
            self.said.emit(self.lasting())
