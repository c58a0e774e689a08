"""The network's probability as an image layer: one for each image, replaced by later runs."""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import numpy as np

if TYPE_CHECKING:
    from napari.layers import Image
    from napari.viewer import Viewer

    from napari_nuclei.ui.found import Found


class ProbabilityLayers:
    """The layers that show probabilities."""

    def __init__(self, viewer: Viewer) -> None:
        self._viewer = viewer
        self._layers: WeakKeyDictionary[Image, Image] = WeakKeyDictionary()

    def show(self, found: Found) -> None:
        """Show the probability of a result below its labels, in place of the image's last one."""
        if found.probability is None:
            return
        if self._is_shown(found):
            # Other thresholds have the same probability: the layer stays as it was made to look.
            return
        self._hide(found.image)
        layers = self._viewer.layers
        active = layers.selection.active
        layer = self._viewer.add_image(
            found.planes.as_layer_data(found.probability),
            name=f"{found.image.name} probability",
            colormap="magma",
            contrast_limits=(0, 1),
            blending="additive",
            **found.planes.geometry,
        )
        if found.layer in layers:
            layers.move(layers.index(layer), layers.index(found.layer))
        # Whoever was painting goes on painting.
        layers.selection.active = active
        self._layers[found.image] = layer

    def hide(self) -> None:
        """Remove the layers of all images."""
        for image in list(self._layers):
            self._hide(image)

    def _is_shown(self, found: Found) -> bool:
        layer = self._layers.get(found.image)
        if layer is None or layer not in self._viewer.layers:
            return False
        return np.shares_memory(layer.data, found.probability)

    def _hide(self, image: Image) -> None:
        layer = self._layers.pop(image, None)
        if layer is not None and layer in self._viewer.layers:
            self._viewer.layers.remove(layer)
