"""An image layer, the plane of it that is meant, and its labels: something to learn from."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray
from skimage.segmentation import relabel_sequential

from napari_nuclei.core.regions import Region
from napari_nuclei.errors import InputError
from napari_nuclei.pipeline.projects import Pair
from napari_nuclei.ui.axes_box import with_shown_channel
from napari_nuclei.ui.corrections import corrections_of
from napari_nuclei.ui.layers import planes_of, read_layer
from napari_nuclei.ui.planes import Planes, Scope

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Image, Labels

_COLOURS = 3
_MAX_NAME = 80

# Of planes whose name in the project, or in the list, is not that of their layer.
_names: WeakKeyDictionary[Image, dict[str, str]] = WeakKeyDictionary()


@dataclass(frozen=True, eq=False)
class LayerPair:
    """Two layers of one viewer.

    Attributes
    ----------
    image : napari.layers.Image
    planes : Planes
        The plane on screen when the pair was made, or the part of it that the labels cover.
    labels : napari.layers.Labels
        Corrected, and perhaps being corrected.
    """

    image: Image
    planes: Planes
    labels: Labels

    @property
    def name(self) -> str:
        """What `call` said, or the layer's name and the plane as the name of a file can be."""
        given = _names.get(self.image, {}).get(self.planes.place)
        return given or self._own_name()

    def call(self, name: str) -> None:
        """Give this plane of the image a name, in whatever pair it is."""
        if name != self.name:
            _names.setdefault(self.image, {})[self.planes.place] = name

    def has_same_image(self, other: LayerPair) -> bool:
        """Tell whether another pair is of the same plane of the same layer."""
        return self.image is other.image and self.planes.place == other.planes.place

    def _own_name(self) -> str:
        words = f"{self.image.name} {self.planes.place}"
        return re.sub(r"[^\w-]+", " ", words)[:_MAX_NAME].strip(" _-") or "image"

    def read(self) -> Pair:
        """Copy the pixels, the labels and what was checked of them, which takes time."""
        image = self.planes.read()
        if self.planes.rgb:
            image = image[..., :_COLOURS]
        corrections = corrections_of(self.labels)
        while True:
            # As they are: ids that are no int32 would never equal those of the layer.
            labels, checked = self.labels.data.copy(), corrections.checked()
            # Somebody may have painted in between: what is new would be taught as background.
            if np.array_equal(labels, self.labels.data):
                return Pair(self.name, image, _as_int32(labels), checked)


def pair_of(viewer: ViewerModel, image: Image | None, labels: Labels | None) -> LayerPair:
    """Return the pair of two layers, with the plane that is on screen.

    Raises
    ------
    InputError
        When they do not belong together; the reason is for a person.
    """
    if image is None or labels is None:
        raise InputError("Open an image and segment it first: then correct the labels here.")
    if labels.data.ndim != 2 or labels.multiscale:
        raise InputError(
            "Labels of a stack cannot be learnt from: segment the plane shown, and correct that."
        )
    reading = with_shown_channel(read_layer(image), image, viewer.dims)
    planes = _covered(planes_of(viewer, image, reading, Scope.PLANE), labels)
    if planes.shape != labels.data.shape:
        raise InputError(
            f"The labels have {_size(labels.data.shape)} px and the image {_size(planes.shape)}: "
            "choose the labels of this image."
        )
    corrections_of(labels)  # refuses labels that are not in memory
    return LayerPair(image, planes, labels)


def _covered(planes: Planes, labels: Labels) -> Planes:
    """Return the part of a plane that the Segment widget made the labels of."""
    made_of: dict[str, Any] = labels.metadata.get("napari_nuclei", {})
    if planes.shape == labels.data.shape or not made_of.keys() >= {"rows", "columns"}:
        return planes
    region = Region(tuple(made_of["rows"]), tuple(made_of["columns"]))
    parts = iter((slice(*region.rows), slice(*region.columns)))
    selector = tuple(next(parts) if isinstance(part, slice) else part for part in planes.selector)
    is_inside = np.all(np.add(region.origin, region.shape) <= planes.shape)
    return replace(planes, selector=selector, region=region) if is_inside else planes


def _as_int32(labels: NDArray[np.integer[Any]]) -> NDArray[np.int32]:
    """Return the labels as a project keeps them: counted anew where their ids are larger."""
    is_too_large = labels.max(initial=0) > np.iinfo(np.int32).max
    return (relabel_sequential(labels)[0] if is_too_large else labels).astype(np.int32)


def _size(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, reversed(shape)))
