"""A list of models to choose from: the one that ships, and those of the user's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtWidgets import QComboBox, QWidget

from napari_nuclei.ui.own_models import own_models

if TYPE_CHECKING:
    from collections.abc import Iterable

_DEFAULT_MODEL = "Default"


class ModelCombo(QComboBox):
    """The default model comes first; a choice stays one when its model gets another name."""

    def __init__(self, tool_tip: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.addItem(_DEFAULT_MODEL)
        self.setToolTip(tool_tip)
        own_models.renamed.connect(self._on_renamed)

    @property
    def model_name(self) -> str | None:
        """Name of the chosen model; None is the default one."""
        return self.currentText() if self.currentIndex() > 0 else None

    def choose(self, name: str) -> None:
        """Choose a model, or the default one where there is none of this name."""
        self.setCurrentIndex(max(0, self.findText(name)))

    def show_models(self, names: Iterable[str]) -> None:
        """List other models; that the choice is another one now is told, as if it were made."""
        chosen = self.currentText()
        self.blockSignals(True)
        self.clear()
        self.addItems([_DEFAULT_MODEL, *names])
        self.choose(chosen)
        self.blockSignals(False)
        if self.currentText() != chosen:
            self.currentIndexChanged.emit(self.currentIndex())

    def _on_renamed(self, old: str, new: str) -> None:
        index = self.findText(old)
        if index > 0:
            self.setItemText(index, new)
