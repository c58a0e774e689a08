"""A diameter: automatic, in pixels, or in micrometres where the size of a pixel is known."""

from __future__ import annotations

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QComboBox, QDoubleSpinBox, QHBoxLayout, QWidget

_AUTOMATIC, _PX, _UM = range(3)
_LARGEST_PX = 10_000.0
# By unit: a nucleus of less than a pixel is none.
_SMALLEST = (0.1, 1.0, 0.1)
_USUAL_PX = 30.0


class DiameterBox(QWidget):
    """How large a nucleus is, and in which unit."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._pixel_um: float | None = None
        self._suggested_px = 0.0
        self.unit = QComboBox()
        self.unit.addItems(["automatic", "px", "µm"])
        self.number = QDoubleSpinBox()
        self.number.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.number.setDecimals(1)
        self.number.setValue(_USUAL_PX)
        self.setToolTip(
            "Typical diameter of a nucleus: small and large nuclei are brought to a size that\n"
            "the model knows. Automatic estimates it from the image. Micrometres need an image\n"
            "that says how large a pixel is."
        )
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.unit, 1)
        layout.addWidget(self.number, 1)
        self.unit.currentIndexChanged.connect(self._on_unit)
        self.number.valueChanged.connect(self.changed)
        self._last_unit = _AUTOMATIC
        self.set_pixel_um(None)
        self._on_unit()

    def value(self) -> float:
        """Return the diameter in pixels; 0 is automatic."""
        unit = self.unit.currentIndex()
        if unit == _AUTOMATIC:
            return 0.0
        # What is shown is rounded, and may be less than the smallest diameter there is, or more
        # than the largest.
        return min(max(1.0, self.number.value() / self._size_of(unit)), _LARGEST_PX)

    def setValue(self, diameter_px: float) -> None:
        """Show a diameter in pixels; 0 is automatic."""
        self.unit.setCurrentIndex(_PX if diameter_px else _AUTOMATIC)
        if diameter_px:
            self.number.setValue(diameter_px)

    def suggest(self, diameter_px: float) -> None:
        """Offer an estimate to whoever leaves the automatic choice."""
        self._suggested_px = diameter_px

    def set_pixel_um(self, pixel_um: float | None) -> None:
        """Say how large a pixel is; None: nobody knows, and only pixels can be chosen."""
        if pixel_um is None and self.unit.currentIndex() == _UM:
            self.unit.setCurrentIndex(_PX)
        self._pixel_um = pixel_um
        self._set_range()
        item = self.unit.model().item(_UM)
        item.setEnabled(pixel_um is not None)

    def _size_of(self, unit: int) -> float:
        """Return how much of the unit a pixel is."""
        return self._pixel_um if unit == _UM and self._pixel_um else 1.0

    def _set_range(self) -> None:
        unit = self.unit.currentIndex()
        self.number.setRange(_SMALLEST[unit], _LARGEST_PX * self._size_of(unit))

    def _on_unit(self) -> None:
        """Keep the diameter when only its unit changes."""
        unit = self.unit.currentIndex()
        shown = self.number.value()
        self._set_range()
        if _AUTOMATIC not in (unit, self._last_unit):
            ratio = self._size_of(unit) / self._size_of(self._last_unit)
            self.number.setValue(shown * ratio)
        elif unit != _AUTOMATIC and self._suggested_px:
            self.number.setValue(self._suggested_px * self._size_of(unit))
        elif unit == _UM:
            self.number.setValue(_USUAL_PX * self._size_of(unit))
        self._last_unit = unit
        self.number.setVisible(unit != _AUTOMATIC)
        self.changed.emit()
