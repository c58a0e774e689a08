"""What the metadata of an OME-TIFF tell of the size of its pixels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias
from xml.etree.ElementTree import ParseError

import tifffile

PixelSizes: TypeAlias = "tuple[tuple[float, ...], tuple[str | None, ...]]"
"""Side of a pixel along each axis, and its unit as OME-Zarr spells it; empty where unknown."""

_KEYS = {"t": "TimeIncrement", "z": "PhysicalSizeZ", "y": "PhysicalSizeY", "x": "PhysicalSizeX"}
_USUAL_UNITS = {"t": "s", "z": "µm", "y": "µm", "x": "µm"}
_UNITS = {
    "s": "second",
    "ms": "millisecond",
    "min": "minute",
    "h": "hour",
    "pm": "picometer",
    "Å": "angstrom",
    "nm": "nanometer",
    "µm": "micrometer",
    "mm": "millimeter",
    "cm": "centimeter",
    "m": "meter",
    "in": "inch",
}
_UNKNOWN: PixelSizes = ((), ())


def read_pixel_sizes(described: str | None, names: Sequence[str]) -> PixelSizes:
    """Read the size of the pixels of the first image.

    Parameters
    ----------
    described : str or None
        The OME-XML of the file, if it has any.
    names : sequence of str
        Letter of each axis. Those without a size in the file have 1 and no unit.

    Returns
    -------
    scale, units
        Empty where height or width is unknown.
    """
    try:
        pixels = _pixels(described or "")
        sizes = {name: _size(pixels, name) for name in names}
    except (ParseError, KeyError, IndexError, TypeError, ValueError):
        return _UNKNOWN
    scale, units = zip(*sizes.values(), strict=True)
    is_known = None not in {unit for name, (_, unit) in sizes.items() if name in ("y", "x")}
    return (scale, units) if is_known else _UNKNOWN


def _pixels(described: str) -> dict[str, Any]:
    image = tifffile.xml2dict(described)["OME"]["Image"]
    first: dict[str, Any] = (image[0] if isinstance(image, list) else image)["Pixels"]
    return first


def _size(pixels: dict[str, Any], name: str) -> tuple[float, str | None]:
    key = _KEYS.get(name)
    unit = pixels.get(f"{key}Unit", _USUAL_UNITS.get(name))
    # In a unit that OME-Zarr has no word for, the number alone would mislead.
    if key not in pixels or unit not in _UNITS:
        return 1.0, None
    return float(pixels[key]), _UNITS[unit]
