"""An image layer, the plane of it that is meant, and its labels: something to learn from."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray
from skimage.segmentation import relabel_sequential

from napari_nuclei.core.regions import Region, whole
from napari_nuclei.errors import InputError
from napari_nuclei.pipeline.projects import Pair
from napari_nuclei.ui.axes_box import with_shown_channel
from napari_nuclei.ui.corrections import corrections_of
from napari_nuclei.ui.label_plane import is_plane, world_of
from napari_nuclei.ui.layers import full_data, plane_at, planes_in, read_layer

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Image, Labels

    from napari_nuclei.core.axes import AxisReading
    from napari_nuclei.ui.planes import Planes

_COLOURS = 3
_MAX_NAME = 80

# Of planes that have a name in the project, or in the list another one than that of their layer.
_names: WeakKeyDictionary[Image, dict[str, str]] = WeakKeyDictionary()


@dataclass(frozen=True, eq=False)
class LayerPair:
    """Two layers of one viewer.

    Attributes
    ----------
    image : napari.layers.Image
    planes : Planes
        That of the labels, or where they are shown on every plane, the one on screen when the pair
        was made; or the part of it that the labels cover. Of channels, the one that the Segment
        widget made the labels of, or else the one on screen.
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
        """Give this plane of the image a name, in whatever pair it is and for good."""
        _names.setdefault(self.image, {})[self.planes.place] = name

    def has_same_image(self, other: LayerPair) -> bool:
        """Tell whether another pair is of the same plane of the same layer."""
        return self.image is other.image and self.planes.place == other.planes.place

    def overlaps_in_part(self, other: LayerPair) -> bool:
        """Tell whether another pair has some of these pixels, and is not of the same ones."""
        one, two = self.planes.region, other.planes.region
        is_same_box = (one.rows, one.columns) == (two.rows, two.columns)
        return self.has_same_image(other) and not is_same_box and one.overlaps(two)

    def _own_name(self) -> str:
        words = f"{self.image.name} {self.planes.place}"
        return re.sub(r"[^\w-]+", " ", words)[:_MAX_NAME].strip(" _-") or "image"

    def read_image(self) -> NDArray[Any]:
        """Copy the pixels, as they are kept in a project, which takes time.

        Raises
        ------
        InputError
            When the layer has other pixels by now, and not as many.
        """
        data = full_data(self.image)
        if data.shape != self.planes.data.shape:
            raise InputError(f"{self.image.name} has another shape now: add its labels again.")
        image = replace(self.planes, data=data).read()
        return image[..., :_COLOURS] if self.planes.rgb else image

    def read(self) -> Pair:
        """Copy the pixels, the labels and what was checked of them, which takes time."""
        image = self.read_image()
        corrections = corrections_of(self.labels)
        while True:
            # As they are: ids that are no int32 would never equal those of the layer.
            labels, checked = corrections.labels.copy(), corrections.checked()
            # Somebody may have painted in between: what is new would be taught as background.
            if np.array_equal(labels, corrections.labels):
                return Pair(self.name, image, _as_int32(labels), checked)


def pair_of(viewer: ViewerModel, image: Image | None, labels: Labels | None) -> LayerPair:
    """Return the pair of two layers, with the plane that the labels lie on.

    Raises
    ------
    InputError
        When they do not belong together; the reason is for a person.
    """
    if image is None or labels is None:
        raise InputError("Open an image and segment it first: then correct the labels here.")
    if labels.multiscale or not is_plane(labels.data.shape):
        raise InputError(
            "Labels of a stack cannot be learnt from: segment the plane shown, and correct that."
        )
    shape = corrections_of(labels).labels.shape  # refuses labels that are not in memory
    made_of = labels.metadata.get("napari_nuclei", {})
    reading = _read_like(made_of, with_shown_channel(read_layer(image), image, viewer.dims))
    region = _covered(reading.plane_shape, shape, made_of)
    if region.shape != shape:
        raise InputError(
            f"The labels have {_size(shape)} px and the image {_size(region.shape)}: "
            "choose the labels of this image."
        )
    (place,) = world_of(labels, [(0, 0)], viewer.dims)
    position = plane_at(image, reading, place, viewer.dims)
    return LayerPair(image, planes_in(image, reading, region, position), labels)


def _read_like(made_of: dict[str, Any], reading: AxisReading) -> AxisReading:
    """Return the reading with the channel that the Segment widget made labels of.

    Where it was of a layer of other axes, or of other channels, the reading is left as it is; only
    planes may have been added since.
    """
    shape, axis = made_of.get("layer_shape", ()), made_of.get("channel_axis")
    if len(shape) != len(reading.shape):
        return reading
    like = replace(reading, channel_axis=axis, channel=made_of["channel"])
    fixed = like.spatial_axes if axis is None else (*like.spatial_axes, axis)
    return like if all(shape[one] == reading.shape[one] for one in fixed) else reading


def _covered(
    plane_shape: tuple[int, int], shape: tuple[int, ...], made_of: dict[str, Any]
) -> Region:
    """Return the part of a plane that the Segment widget made labels of this shape of."""
    if plane_shape == shape or not made_of.keys() >= {"rows", "columns"}:
        return whole(plane_shape)
    region = Region(tuple(made_of["rows"]), tuple(made_of["columns"]))
    is_inside = np.all(np.add(region.origin, region.shape) <= plane_shape)
    return region if is_inside else whole(plane_shape)


def _as_int32(labels: NDArray[np.integer[Any]]) -> NDArray[np.int32]:
    """Return the labels as a project keeps them: counted anew where their ids are larger."""
    is_too_large = labels.max(initial=0) > np.iinfo(np.int32).max
    return (relabel_sequential(labels)[0] if is_too_large else labels).astype(np.int32)


def _size(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, reversed(shape)))
