"""The choices of the Segment widget: the image, and the options of every segmentation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtWidgets import QFormLayout

from napari_nuclei.ui.layer_combo import LayerCombo
from napari_nuclei.ui.layers import pixel_size_um
from napari_nuclei.ui.options_form import OptionsForm

if TYPE_CHECKING:
    from napari.components import LayerList
    from qtpy.QtWidgets import QWidget


class SegmentControls(OptionsForm):
    """A form of the image and the segmentation options."""

    def __init__(self, layers: LayerList, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.image = LayerCombo(layers)
        layout = self.layout()
        assert isinstance(layout, QFormLayout)  # noqa: S101  (for mypy)
        layout.insertRow(0, "Image", self.image)

    def refresh_pixel_size(self, axes: tuple[int, int]) -> None:
        """Let the diameter be in micrometres where the layer says how large a pixel is."""
        layer = self.image.layer
        self.diameter.set_pixel_um(None if layer is None else pixel_size_um(layer, axes))
