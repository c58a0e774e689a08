"""Buttons to correct labels (a stand-in until the correction tools are merged)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtWidgets import QPushButton, QVBoxLayout, QWidget

from napari_nuclei.ui.corrections import corrections_of

if TYPE_CHECKING:
    from napari.layers import Labels
    from napari.viewer import Viewer


class CorrectionTools(QWidget):
    """A button that takes all labels as right."""

    def __init__(self, viewer: Viewer, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._layer: Labels | None = None
        self.all = QPushButton("All is right")
        self.all.clicked.connect(self._on_all)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.all)

    def set_layer(self, layer: Labels | None) -> None:
        """Act on a layer."""
        self._layer = layer
        self.setEnabled(layer is not None)

    def _on_all(self) -> None:
        if self._layer is not None:
            corrections_of(self._layer).mark_all_reviewed()
