"""A combo box of the viewer's layers of a kind that keeps its choice when layers come and go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari.layers import Image, Layer
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QComboBox, QWidget

from napari_nuclei.ui.names import OWN

if TYPE_CHECKING:
    from napari.components import LayerList


class LayerCombo(QComboBox):
    """The layers of a kind, newest first, without those that are only there to be looked at.

    The choice is a layer object, not its name.
    """

    layer_changed = Signal()

    def __init__(
        self, layers: LayerList, parent: QWidget | None = None, kind: type[Layer] = Image
    ) -> None:
        super().__init__(parent)
        self._layers = layers
        self._kind = kind
        self._choices: list[Layer] = []
        self.setSizeAdjustPolicy(self.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.currentIndexChanged.connect(self.layer_changed)
        # Long names do not fit into the box.
        self.currentTextChanged.connect(self._explain)
        self.refresh()

    @property
    def layer(self) -> Any:
        """The chosen layer; None when there is none."""
        index = self.currentIndex()
        return self._choices[index] if 0 <= index < len(self._choices) else None

    def choose(self, layer: Layer) -> None:
        """Choose `layer`, which must be one of the viewer's layers of this kind."""
        self.setCurrentIndex(self._choices.index(layer))

    def refresh(self) -> None:
        """Show the layers as they are now; keep the choice while its layer exists."""
        before = self.layer
        self._choices = [layer for layer in reversed(self._layers) if self._is_choice(layer)]
        self.blockSignals(True)
        self.clear()
        self.addItems([layer.name for layer in self._choices])
        wanted = before if before in self._choices else self._active()
        self.setCurrentIndex(self._choices.index(wanted) if wanted else 0)
        self.blockSignals(False)
        self._explain(self.currentText())
        if self.layer != before:
            self.layer_changed.emit()

    def _is_choice(self, layer: Layer) -> bool:
        return isinstance(layer, self._kind) and OWN not in layer.metadata

    def _active(self) -> Layer | None:
        active = self._layers.selection.active
        return active if active in self._choices else None

    def _explain(self, name: str) -> None:
        self.setToolTip(name or f"There is no {self._kind.__name__} layer yet")
