"""A combo box of the viewer's image layers that keeps its choice when layers come, go or move."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari.layers import Image
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QComboBox, QWidget

if TYPE_CHECKING:
    from napari.components import LayerList


class LayerCombo(QComboBox):
    """The image layers of a viewer, newest first; the choice is a layer object, not its name."""

    layer_changed = Signal()

    def __init__(self, layers: LayerList, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._layers = layers
        self._choices: list[Image] = []
        self.setSizeAdjustPolicy(self.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.currentIndexChanged.connect(self.layer_changed)
        # Long names do not fit into the box.
        self.currentTextChanged.connect(self.setToolTip)
        self.refresh()

    @property
    def layer(self) -> Image | None:
        """The chosen layer."""
        index = self.currentIndex()
        return self._choices[index] if 0 <= index < len(self._choices) else None

    def choose(self, layer: Image) -> None:
        """Choose `layer`, which must be one of the viewer's images."""
        self.setCurrentIndex(self._choices.index(layer))

    def refresh(self) -> None:
        """Show the layers as they are now; keep the choice while its layer exists."""
        before = self.layer
        self._choices = [layer for layer in reversed(self._layers) if isinstance(layer, Image)]
        self.blockSignals(True)
        self.clear()
        self.addItems([layer.name for layer in self._choices])
        wanted = before if before in self._choices else self._active()
        self.setCurrentIndex(self._choices.index(wanted) if wanted else 0)
        self.blockSignals(False)
        self.setToolTip(self.currentText())
        if self.layer != before:
            self.layer_changed.emit()

    def _active(self) -> Image | None:
        active = self._layers.selection.active
        return active if active in self._choices else None
