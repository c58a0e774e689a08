"""The network's maps of a layer of labels, for as long as somebody else keeps them."""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary, ref

from numpy.typing import NDArray

from napari_nuclei.ui.label_plane import is_plane, plane_of

if TYPE_CHECKING:
    import numpy as np
    from napari.layers import Labels

    from napari_nuclei.pipeline.segment import Segmentation
    from napari_nuclei.pipeline.stack import StackSegmentation

    Found = Segmentation | StackSegmentation

# Maps are large, and those that keep them know when to let them go: nothing is kept here.
_kept: WeakKeyDictionary[Labels, ref[Found]] = WeakKeyDictionary()


def note_maps(layer: Labels, found: Found) -> None:
    """Note of which segmentation the labels of a layer are."""
    _kept[layer] = ref(found)


def maps_of(layer: Labels) -> NDArray[np.float32] | None:
    """Return the maps for the plane of a layer, shape (Y, X, 3); None where nobody has them."""
    noted = _kept.get(layer)
    found = None if noted is None else noted()
    maps = None if found is None else found.maps
    if maps is None or not is_plane(layer.data.shape) or not is_plane(maps.shape[:-1]):
        return None
    plane = maps.reshape(maps.shape[-3:])
    return plane if plane.shape[:-1] == plane_of(layer.data).shape else None
