"""OME-Zarr: pixels in (0.4, 0.5 and plain Zarr arrays), labels out (0.4).

Labels are written as version 0.4, in the Zarr format 2: as of 2026, every program that knows
OME-Zarr reads that, and by far not every one 0.5. The specification: https://ngff.openmicroscopy.org

zarr is imported where it is used: it takes longer than all else that the command line imports.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_nuclei.errors import DatasetError

if TYPE_CHECKING:
    import zarr

CHUNK_PX = 1024
"""Side of the chunks of labels."""

OUR_ATTRIBUTE = "napari_nuclei"
"""Where labels carry their recipe."""

_VERSION = "0.4"
_MARKERS = (".zgroup", ".zarray", "zarr.json")


@dataclass(frozen=True)
class FoundPixels:
    """The pixels of an image at full resolution.

    Attributes
    ----------
    array : zarr.Array
    names : tuple of str
        Of its axes; empty where nobody knows.
    scale : tuple of float
        Side of a pixel along each axis; empty where nobody knows.
    units : tuple of (str or None)
        Those of `scale`.
    translation : tuple of float
        Where the first pixel lies along each axis; empty where nobody knows.
    """

    array: zarr.Array[Any]
    names: tuple[str, ...] = ()
    scale: tuple[float, ...] = ()
    units: tuple[str | None, ...] = ()
    translation: tuple[float, ...] = ()


def is_zarr(path: Path) -> bool:
    """Tell whether a path is a Zarr array or group on disk."""
    return any((path / marker).is_file() for marker in _MARKERS)


def open_pixels(path: Path) -> FoundPixels:
    """Open the image at full resolution.

    Parameters
    ----------
    path : Path
        A multiscale image or an array.

    Raises
    ------
    DatasetError
        When it is neither, such as a plate of many images.
    """
    import zarr

    try:
        node = zarr.open(path, mode="r")
        if isinstance(node, zarr.Array):
            return FoundPixels(node)
        return _open_multiscale(node)
    except (OSError, ValueError, KeyError, IndexError, TypeError) as error:
        raise DatasetError(
            f"{path}: no image is found in it; give the folder of one image or array, such as "
            f"{path / '0'}."
        ) from error


def open_levels(path: Path) -> list[zarr.Array[Any]]:
    """Return the arrays of a multiscale image, the full resolution first."""
    import zarr

    group = zarr.open_group(path, mode="r")
    return [_array(group, level["path"]) for level in _multiscales(group)["datasets"]]


def read_our_attribute(path: Path) -> dict[str, Any]:
    """Return what `finish_labels` was given as `ours`; empty where there is nothing of the kind."""
    import zarr

    try:
        return dict(zarr.open_group(path, mode="r").attrs.get(OUR_ATTRIBUTE, {}))  # type: ignore[arg-type]
    except (OSError, ValueError, TypeError):
        return {}


def create_labels(path: Path, shape: Sequence[int]) -> zarr.Array[Any]:
    """Make a new group with the labels at full resolution, int32 and 0 everywhere."""
    import zarr

    group = zarr.create_group(path, zarr_format=2)
    return _create_level(group, 0, shape)


def finish_labels(
    path: Path,
    names: Sequence[str],
    scale: Sequence[float],
    units: Sequence[str | None],
    translation: Sequence[float],
    ours: dict[str, Any],
) -> None:
    """Add the lower resolutions and what describes them all.

    Parameters
    ----------
    path : Path
        As `create_labels` made it, filled.
    names, scale, units, translation
        For each axis; a scale of 1 where it is empty, and no unit and no translation.
    ours : dict
        JSON values: how the labels were made.
    """
    import zarr

    group = zarr.open_group(path, mode="r+")
    levels = [_array(group, "0")]
    while max(levels[-1].shape[-2:]) > CHUNK_PX:
        levels.append(_halved(group, len(levels), levels[-1]))
    scale = scale or (1.0,) * len(names)
    steps = [(*(1,) * (len(names) - 2), 2**level, 2**level) for level in range(len(levels))]
    datasets = [
        {
            "path": str(level),
            "coordinateTransformations": _transformations(np.multiply(scale, step), translation),
        }
        for level, step in enumerate(steps)
    ]
    axes = [
        _axis(name, unit) for name, unit in zip(names, units or [None] * len(names), strict=True)
    ]
    attributes: dict[str, Any] = {
        "multiscales": [{"version": _VERSION, "axes": axes, "datasets": datasets}],
        "image-label": {"version": _VERSION},
        OUR_ATTRIBUTE: ours,
    }
    group.attrs.update(attributes)


def _open_multiscale(group: zarr.Group) -> FoundPixels:
    image = _multiscales(group)
    axes, level = image["axes"], image["datasets"][0]
    array = _array(group, level["path"])
    # A transformation of all levels may follow that of each.
    steps = (*level["coordinateTransformations"], *image.get("coordinateTransformations", ()))
    scale, translation = np.ones(len(axes)), np.zeros(len(axes))
    for step in steps:
        if step["type"] == "scale":
            scale, translation = scale * step["scale"], translation * step["scale"]
        elif step["type"] == "translation":
            translation = translation + step["translation"]
    return FoundPixels(
        array,
        tuple(axis["name"] for axis in axes),
        tuple(scale.tolist()),
        tuple(axis.get("unit") for axis in axes),
        tuple(translation.tolist()),
    )


def _multiscales(group: zarr.Group) -> dict[str, Any]:
    attributes: Any = group.attrs.get("ome", group.attrs)
    first: dict[str, Any] = attributes["multiscales"][0]
    return first


def _array(group: zarr.Group, path: str) -> zarr.Array[Any]:
    import zarr

    array = group[path]
    if not isinstance(array, zarr.Array):
        raise TypeError(path)
    return array


def _create_level(group: zarr.Group, level: int, shape: Sequence[int]) -> zarr.Array[Any]:
    chunks = [1] * (len(shape) - 2) + [min(CHUNK_PX, length) for length in shape[-2:]]
    return group.create_array(
        str(level),
        shape=tuple(shape),
        chunks=tuple(chunks),
        dtype="int32",
        fill_value=0,
        chunk_key_encoding={"name": "v2", "separator": "/"},
    )


def _halved(group: zarr.Group, level: int, finer: zarr.Array[Any]) -> zarr.Array[Any]:
    """Add a level that has every second pixel of the one before: ids cannot be averaged."""
    *planes, height, width = finer.shape
    coarser = _create_level(group, level, (*planes, -(-height // 2), -(-width // 2)))
    for index in np.ndindex(*planes):
        for y in range(0, coarser.shape[-2], CHUNK_PX):
            for x in range(0, coarser.shape[-1], CHUNK_PX):
                part = finer[
                    (*index, slice(2 * y, 2 * (y + CHUNK_PX)), slice(2 * x, 2 * (x + CHUNK_PX)))
                ]
                coarser[(*index, slice(y, y + CHUNK_PX), slice(x, x + CHUNK_PX))] = np.asarray(
                    part
                )[::2, ::2]
    return coarser


def _transformations(scale: Any, translation: Sequence[float]) -> list[dict[str, Any]]:
    """Return those of a level; its first pixel is that of the full resolution."""
    scaling = {"type": "scale", "scale": [float(step) for step in scale]}
    if not any(translation):
        return [scaling]
    return [scaling, {"type": "translation", "translation": [float(to) for to in translation]}]


def _axis(name: str, unit: str | None) -> dict[str, str]:
    axis = {"name": name, "type": "time" if name in ("t", "time") else "space"}
    return {**axis, "unit": unit} if unit else axis
