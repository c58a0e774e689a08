"""Resize an image, or any window of the resized image from the pixels that the window needs.

Both are one code, so that an image resized window by window is the one resized as a whole.
"""

from __future__ import annotations

from math import ceil, floor
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Shape = tuple[int, int]
"""Height and width in pixels."""

Window = tuple[slice, slice]
"""Rows and columns, each with start and stop: an index of an image."""

# Where scipy's Gaussian ends.
_TRUNCATE_SIGMA = 4.0


class Pixels(Protocol):
    """An image, (Y, X, C) float32, in memory or read where it is indexed."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Height, width and channels."""

    def __getitem__(self, window: Window, /) -> NDArray[np.float32]:
        """Return the pixels of a window."""


def whole_window(shape: Shape) -> Window:
    """Return the window that is all of an image."""
    return slice(0, shape[0]), slice(0, shape[1])


def window_shape(window: Window) -> Shape:
    """Return height and width of a window."""
    rows, columns = window
    return rows.stop - rows.start, columns.stop - columns.start


def scaled_shape(shape: Shape, zoom: float) -> Shape:
    """Return the height and width of a resized image, 1 px at least."""
    return max(1, round(shape[0] * zoom)), max(1, round(shape[1] * zoom))


def shifted(window: Window, origin: Shape) -> Window:
    """Return a window as it is counted from another first pixel."""
    rows, columns = (
        slice(part.start - first, part.stop - first)
        for part, first in zip(window, origin, strict=True)
    )
    return rows, columns


def resize(image: NDArray[np.float32], shape: Shape) -> NDArray[np.float32]:
    """Return an image, (Y, X, C) float32, in another size; see `resize_window`."""
    return resize_window(image, _shape(image), shape, whole_window(shape))


def resize_window(
    image: Pixels, old: Shape, new: Shape, window: Window, origin: Shape = (0, 0)
) -> NDArray[np.float32]:
    """Return a window of an image in another size, by linear interpolation.

    Parameters
    ----------
    image : Pixels
        The image or a part of it, `needed_window` at least.
    old, new : tuple of int
        Height and width of the whole image before and after.
    window : tuple of slice
        What is wanted of the resized image.
    origin : tuple of int
        Where pixel (0, 0) of `image` lies in the image of shape `old`.

    Returns
    -------
    numpy.ndarray
        Shape (Y, X, C) of the window, float32. Channels that share their memory still do.

    Notes
    -----
    As `skimage.transform.resize` does by order 1 with mode "edge": where the image shrinks, it is
    smoothed before by a Gaussian, against aliases. A test compares them.
    """
    needed = needed_window(old, new, window)
    pixels = image[shifted(needed, origin)]
    if old == new:
        return pixels
    steps = [old_px / new_px for old_px, new_px in zip(old, new, strict=True)]
    first = [part.start for part in window]
    # The centre of the window's first pixel, as it lies in `pixels`.
    offset = [
        (start + 0.5) * step - 0.5 - part.start
        for start, step, part in zip(first, steps, needed, strict=True)
    ]
    is_grey = pixels.strides[-1] == 0
    channels = [
        _interpolate(pixels[..., channel], steps, offset, window_shape(window))
        for channel in range(1 if is_grey else pixels.shape[-1])
    ]
    if is_grey:
        return np.broadcast_to(channels[0][..., np.newaxis], (*channels[0].shape, pixels.shape[-1]))
    return np.stack(channels, axis=-1)


def needed_window(old: Shape, new: Shape, window: Window) -> Window:
    """Return which pixels of an image of shape `old` a window of the resized one depends on."""
    rows, columns = (
        _needed(old_px, new_px, part) for old_px, new_px, part in zip(old, new, window, strict=True)
    )
    return rows, columns


def _needed(old_px: int, new_px: int, part: slice) -> slice:
    step = old_px / new_px
    reach_px = int(_TRUNCATE_SIGMA * _sigma_px(step) + 0.5) + 1 if old_px != new_px else 0
    first, last = (part.start + 0.5) * step - 0.5, (part.stop - 0.5) * step - 0.5
    return slice(max(0, floor(first) - reach_px), min(old_px, ceil(last) + reach_px + 1))


def _sigma_px(step: float) -> float:
    return max(0.0, (step - 1) / 2)


def _interpolate(
    plane: NDArray[np.float32], steps: list[float], offset: list[float], shape: Shape
) -> NDArray[np.float32]:
    sigma_px = [_sigma_px(step) for step in steps]
    if any(sigma_px):
        plane = ndimage.gaussian_filter(
            plane, sigma_px, mode="nearest", truncate=_TRUNCATE_SIGMA, output=np.float32
        )
    values: NDArray[np.float32] = ndimage.affine_transform(
        plane, steps, offset, shape, np.float32, order=1, mode="nearest"
    )
    return values


def _shape(image: NDArray[Any]) -> Shape:
    return image.shape[0], image.shape[1]
