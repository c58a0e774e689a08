"""The choices of the Batch widget: folders, the options of every segmentation, what is written."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QCheckBox, QDoubleSpinBox, QFormLayout, QHBoxLayout, QWidget

from napari_nuclei.pipeline.results import Extras
from napari_nuclei.ui.folder_box import FolderBox
from napari_nuclei.ui.options_form import OptionsForm
from napari_nuclei.ui.preferences import read_preferences


class BatchControls(OptionsForm):
    """A form of two folders, the segmentation options, and the files that are wanted."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        preferences = read_preferences()
        self.images = FolderBox("Folder of the images", "All images of this folder are segmented")
        self.images.set_path(preferences.image_folder)
        self.results = FolderBox(
            "Folder of the results", "Where the labels go; another folder than that of the images"
        )
        self.results.set_path(preferences.result_folder)
        self.pixel_um = _pixel_box()
        self.table = _check("table", "A CSV file with a row for each nucleus")
        self.table.setChecked(True)
        self.overlay = _check("overlay", "A picture of the outlines over the image")
        self.maps = _check("probability", "How sure the network is that a pixel is nucleus")
        self._add_rows()
        self.pixel_um.valueChanged.connect(
            lambda pixel_um: self.diameter.set_pixel_um(pixel_um or None)
        )
        self.semantic.toggled.connect(self.table.setDisabled)

    def extras(self) -> Extras:
        """Return what is written beside the labels."""
        has_table = self.table.isChecked() and not self.semantic.isChecked()
        pixel_um = self.pixel_um.value() or None
        return Extras(self.maps.isChecked(), has_table, self.overlay.isChecked(), pixel_um)

    def _add_rows(self) -> None:
        form = self.layout()
        assert isinstance(form, QFormLayout)  # noqa: S101  (for mypy)
        form.insertRow(0, "Images", self.images)
        form.insertRow(1, "Results", self.results)
        form.addRow("Pixel size", self.pixel_um)
        row = QHBoxLayout()
        for box in (self.table, self.overlay, self.maps):
            row.addWidget(box)
        row.addStretch()
        form.addRow("Also write", row)


def _pixel_box() -> QDoubleSpinBox:
    box = QDoubleSpinBox()
    box.setRange(0, 1000)
    box.setDecimals(4)
    box.setSingleStep(0.1)
    box.setAlignment(Qt.AlignmentFlag.AlignCenter)
    box.setSuffix(" µm")
    box.setSpecialValueText("unknown")
    box.setToolTip(
        "Side of a pixel: allows a diameter in micrometres, and gives areas in the table in µm²"
    )
    return box


def _check(text: str, tool_tip: str) -> QCheckBox:
    box = QCheckBox(text)
    box.setToolTip(tool_tip)
    return box
