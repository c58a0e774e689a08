"""Which image and which labels: to correct them, and to add them to what is learnt from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari.layers import Labels
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QFormLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from napari_nuclei.errors import InputError
from napari_nuclei.ui.correction_tools import CorrectionTools
from napari_nuclei.ui.layer_combo import LayerCombo
from napari_nuclei.ui.layer_pair import pair_of

if TYPE_CHECKING:
    from napari.layers import Image
    from napari.viewer import Viewer


class PairChooser(QWidget):
    """Two choices of layers, the tools that correct the labels, and a button that adds the pair."""

    added = Signal(object)

    def __init__(self, viewer: Viewer, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self.image = LayerCombo(viewer.layers)
        self.image.setToolTip("What the labels are of; of a stack, the plane that they lie on")
        self.labels = LayerCombo(viewer.layers, kind=Labels)
        self.labels.setToolTip("The nuclei to correct: only what you check is learnt from")
        self.tools = CorrectionTools(viewer, self)
        self.button = QPushButton("Add pair")
        self.button.setToolTip("Learn from this image and what is corrected of its labels")
        self.reason = QLabel()
        self.reason.setWordWrap(True)
        self._lay_out()
        self.image.layer_changed.connect(self._show)
        self.labels.layer_changed.connect(self._show)
        self.button.clicked.connect(self._on_clicked)
        self._show()

    def choose(self, name: str, image: Image, labels: Labels) -> None:
        """Choose two layers of the viewer, which are a pair of this name, and add them."""
        self.image.choose(image)
        self.labels.choose(labels)
        pair = pair_of(self._viewer, image, labels)
        pair.call(name)
        self.added.emit(pair)

    def refresh(self) -> None:
        """Follow the layer list."""
        self.image.refresh()
        self.labels.refresh()
        self._show()

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow("Image", self.image)
        form.addRow("Labels", self.labels)
        layout.addLayout(form)
        for part in (self.tools, self.button, self.reason):
            layout.addWidget(part)

    def _show(self) -> None:
        """Say why these two layers are no pair."""
        self.tools.set_layer(self.labels.layer)
        try:
            pair_of(self._viewer, self.image.layer, self.labels.layer)
        except InputError as error:
            self.reason.setText(str(error))
        else:
            self.reason.clear()
        self.reason.setVisible(bool(self.reason.text()))
        self.button.setDisabled(bool(self.reason.text()))

    def _on_clicked(self) -> None:
        # The slider may have been moved to another plane since.
        self.added.emit(pair_of(self._viewer, self.image.layer, self.labels.layer))
