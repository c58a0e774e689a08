"""Images of any size: where they are, and windows of them, read when they are needed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from napari_nuclei.core import images
from napari_nuclei.core.axes import read_axes
from napari_nuclei.errors import DatasetError, InputError, NucleiError
from napari_nuclei.pipeline.blocks import ome_tiff, ome_zarr
from napari_nuclei.pipeline.datasets.decoding import MAX_PIXELS, reason_in_words
from napari_nuclei.pipeline.reading import read_image, read_part, read_shape
from napari_nuclei.pipeline.resources import memory_refusal

if TYPE_CHECKING:
    from napari_nuclei.core.images import Limits
    from napari_nuclei.core.resampling import Shape, Window
    from napari_nuclei.pipeline.blocks.ome_tiff import PixelSizes
    from napari_nuclei.pipeline.planes import Index

_TIFF_SUFFIXES = (".tif", ".tiff")
_COLOURS = (3, 4)


@dataclass(frozen=True)
class LargeImage:
    """Planes of an array, described without reading a pixel.

    Attributes
    ----------
    array : array
        Whatever has a shape and a dtype and gives numpy, or something with ``compute`` such as
        dask, for an index of integers and slices. The last axis holds colours when `rgb`.
    selector : tuple of int and slice
        For each axis of `array` but that of colours, what is taken: the last two slices are rows
        and columns, those before them planes. Slices have start and stop.
    names : tuple of str
        Name of each axis along which there are planes.
    rgb : bool
        Whether planes have colours.
    scale : tuple of float
        Side of a pixel along `names`, rows and columns; empty where nobody knows.
    units : tuple of (str or None)
        Those of `scale`, as OME-Zarr spells them.
    translation : tuple of float
        Where the first pixel lies along these axes; empty where nobody knows.
    """

    array: Any
    selector: tuple[int | slice, ...]
    names: tuple[str, ...] = ()
    rgb: bool = False
    scale: tuple[float, ...] = ()
    units: tuple[str | None, ...] = ()
    translation: tuple[float, ...] = ()

    @property
    def counts(self) -> tuple[int, ...]:
        """Planes along each axis; empty for a single plane."""
        return tuple(part.stop - part.start for part in self._slices[:-2])

    @property
    def n_planes(self) -> int:
        """Number of all planes."""
        return prod(self.counts)

    @property
    def shape(self) -> Shape:
        """Height and width of a plane in pixels."""
        rows, columns = self._slices[-2:]
        return rows.stop - rows.start, columns.stop - columns.start

    @property
    def full_shape(self) -> tuple[int, ...]:
        """All planes, (..., Y, X), in pixels."""
        return (*self.counts, *self.shape)

    @property
    def is_in_memory(self) -> bool:
        """Whether the pixels are those of this process, which no other one could read."""
        return isinstance(self.array, np.ndarray)

    def read(self, index: Index, window: Window) -> NDArray[Any]:
        """Return a window of a plane, (Y, X) or (Y, X, 3)."""
        wanted: Iterator[int | slice] = iter((*index, *window))
        chosen = tuple(
            _within(part, next(wanted)) if isinstance(part, slice) else part
            for part in self.selector
        )
        plane = _read(self.array, chosen)
        return plane[..., :3] if self.rgb else plane

    def finite_pixels(self, index: Index, window: Window) -> NDArray[np.bool_] | None:
        """Tell where a window has numbers, (Y, X); None: everywhere, as integers do unread."""
        is_float = np.dtype(self.array.dtype).kind == "f"
        return images.finite_pixels(self.read(index, window)) if is_float else None

    @property
    def _slices(self) -> list[slice]:
        return [part for part in self.selector if isinstance(part, slice)]


@dataclass(frozen=True)
class PreparedPlane:
    """A plane as the network wants it: `napari_nuclei.core.resampling.Pixels`."""

    image: LargeImage
    index: Index
    limits: Limits

    @property
    def shape(self) -> tuple[int, int, int]:
        """Height, width and three channels."""
        return (*self.image.shape, 3)

    def __getitem__(self, window: Window) -> NDArray[np.float32]:
        """Read and scale a window."""
        pixels = self.image.read(self.index, window)
        return images.prepare(pixels, rgb=self.image.rgb, limits=self.limits)


@dataclass(frozen=True)
class TiffArray:
    """The pixels of a TIFF file, of which only the tiles or strips that are asked for are read."""

    path: Path
    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    def __getitem__(self, index: tuple[int | slice, ...]) -> NDArray[Any]:
        """Return what the index selects."""
        # Opened anew: so it can be sent to other processes, and holds no file open.
        return read_part(self.path, index)


def open_image(path: str | Path, channel: int = 0) -> LargeImage:
    """Open an image of any size without reading its pixels, if its format allows that.

    Parameters
    ----------
    path : str or Path
        OME-Zarr (0.4 or 0.5), a Zarr array, TIFF; or another image file, which is read whole.
    channel : int
        Which one is taken, counted from 0, where there is an axis of channels.

    Raises
    ------
    DatasetError
        When it cannot be read.
    InputError
        When it has no such channel.
    """
    path = Path(path)
    if ome_zarr.is_zarr(path):
        found = ome_zarr.open_pixels(path)
        place = found.scale, found.units, found.translation
        return as_large_image(found.array, found.names, channel, *place)
    if path.suffix.lower() in _TIFF_SUFFIXES:
        array, names, sizes = _open_tiff(path)
        return as_large_image(array, names, channel, *sizes)
    return as_large_image(read_image(path))


def needs_blocks(path: Path) -> bool:
    """Tell whether an image is one for blocks: a Zarr, or a file too large to be read whole."""
    if ome_zarr.is_zarr(path):
        return True
    is_tiff = path.suffix.lower() in _TIFF_SUFFIXES
    try:
        shape = open_image(path).full_shape if is_tiff else read_shape(path)
    except NucleiError:
        return False
    return prod(shape[-2:]) > MAX_PIXELS or bool(memory_refusal(shape))


def as_large_image(
    array: Any,
    names: Sequence[str] = (),
    channel: int = 0,
    scale: Sequence[float] = (),
    units: Sequence[str | None] = (),
    translation: Sequence[float] = (),
) -> LargeImage:
    """Read the axes of an array as `napari_nuclei.core.axes.read_axes` does.

    Parameters
    ----------
    array : array
        Shape (..., Y, X), or (Y, X, 3 or 4) without names, or with "s" as the last name.
    names, scale, units, translation : sequence
        For each axis; empty where nobody knows.
    channel : int
        As for `open_image`.
    """
    shape, names = tuple(array.shape), tuple(names)
    rgb = names[-1] == "s" if names else len(shape) == 3 and shape[-1] in _COLOURS
    names = names or ("",) * len(shape)
    if rgb:
        shape, names = shape[:-1], names[:-1]
    if len(shape) < 2 or 0 in shape:
        raise InputError(
            f"An array of shape {tuple(array.shape)} cannot be used: it needs height and width."
        )
    reading = read_axes(shape, names, rgb=rgb)
    selector: list[int | slice] = [slice(0, length) for length in shape]
    if reading.channel_axis is not None:
        _check_channel(channel, shape[reading.channel_axis])
        selector[reading.channel_axis] = channel
    kept = [*reading.plane_axes, *reading.spatial_axes]
    return LargeImage(
        array,
        tuple(selector),
        tuple(reading.names[axis] or f"axis_{axis}" for axis in reading.plane_axes),
        rgb,
        tuple(scale[axis] for axis in kept) if scale else (),
        tuple(units[axis] for axis in kept) if units else (),
        tuple(translation[axis] for axis in kept) if translation else (),
    )


def _read(array: Any, chosen: tuple[int | slice, ...]) -> NDArray[Any]:
    try:
        pixels = array[chosen]
        if hasattr(pixels, "compute"):
            # In this thread alone: it is blocks that run side by side.
            pixels = pixels.compute(scheduler="synchronous")
        return np.asarray(pixels)
    except MemoryError:
        raise
    # Of whatever kind the library of the array chooses for what is damaged or gone.
    except Exception as error:
        raise InputError(
            f"The image cannot be read here ({reason_in_words(error)}); replace what is damaged."
        ) from error


def _check_channel(channel: int, count: int) -> None:
    if not 0 <= channel < count:
        raise InputError(f"There is no channel {channel + 1}: choose 1 to {count}.")


def _within(part: slice, inner: int | slice) -> int | slice:
    if isinstance(inner, slice):
        return slice(part.start + inner.start, part.start + inner.stop)
    return int(part.start + inner)


def _open_tiff(path: Path) -> tuple[TiffArray, tuple[str, ...], PixelSizes]:
    try:
        with tifffile.TiffFile(path) as tiff:
            n_images, series, described = len(tiff.series), tiff.series[0], tiff.ome_metadata
    # Of whatever kind tifffile chooses for what is damaged.
    except Exception as error:
        reason = reason_in_words(error)
        raise DatasetError(f"{path} cannot be read ({reason}); replace or remove it.") from error
    if n_images != 1:
        raise DatasetError(f"{path} holds {n_images} images instead of one; save it as one.")
    names = tuple(series.axes.lower())
    if "s" in names[:-1]:
        raise DatasetError(f"{path} has its colours one after the other: save them side by side.")
    array = TiffArray(path, tuple(series.shape), series.dtype)
    return array, names, ome_tiff.read_pixel_sizes(described, names)
