"""Any 2D image a person can open -> float32 (Y, X, 3) in [0, 1], normalised once as a whole."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_nuclei.errors import InputError

LOW_PERCENTILE = 0.5
HIGH_PERCENTILE = 99.8
"""Values at and beyond these percentiles become 0 and 1; the ends are robust to hot pixels."""

_MAX_SAMPLE_PX = 4_000_000


class Limits(NamedTuple):
    """Half the values that become 0 and 1, and half the one that fills what was not recorded."""

    low: float
    high: float
    middle: float


class Sample(NamedTuple):
    """What decides the limits of a plane that is read in parts.

    Attributes
    ----------
    values : numpy.ndarray
        Shape (n,), float: half the finite values of the even sample that `prepare` takes, too.
    extremes : tuple of float or None
        Half the lowest and half the highest of all finite values; None when there are none.
    """

    values: NDArray[np.floating[Any]]
    extremes: tuple[float, float] | None


def prepare(
    image: ArrayLike, *, rgb: bool | None = None, limits: Limits | None = None
) -> NDArray[np.float32]:
    """Return the image as the network wants it.

    The channels are scaled together, so that colours stay what they are, and the whole image is
    scaled at once: tiles normalised one by one would show their seams.

    Parameters
    ----------
    image : array_like
        Shape (Y, X), (Y, X, 3) or (Y, X, 4); bool, integer or float. Alpha is dropped. NaN and
        infinite pixels become the median, which is background as a rule, and do not influence the
        scaling: a black hole would look like a nucleus in stained tissue, and darken what is near.
    rgb : bool, optional
        Whether the last axis holds colours; by default it does when it has length 3 or 4 and there
        are three axes.
    limits : Limits, optional
        As `common_limits` finds them; by default the image's own.

    Returns
    -------
    numpy.ndarray
        Shape (Y, X, 3), float32, in [0, 1]; not to be written to: the channels of a grey image
        share their memory. A constant image becomes 0 everywhere.

    Raises
    ------
    InputError
        When the array has no pixels, is not numeric, has other axes, or no finite value.
    """
    pixels = _as_pixels(image, rgb)
    low, high, middle = np.asarray(limits or _limits(pixels), pixels.dtype)
    pixels[~np.isfinite(pixels)] = middle
    np.clip(pixels, low, high, out=pixels)
    pixels -= low
    if high > low:
        pixels /= high - low
    return np.broadcast_to(pixels.astype(np.float32, copy=False), (*pixels.shape[:2], 3))


def finite_pixels(image: ArrayLike) -> NDArray[np.bool_] | None:
    """Return which pixels are numbers in all their colours: elsewhere nothing was recorded.

    Parameters
    ----------
    image : array_like
        As that of `prepare`.

    Returns
    -------
    numpy.ndarray or None
        Shape (Y, X), bool; None when all pixels are numbers.
    """
    array = np.asarray(image)
    if array.dtype.kind != "f":
        return None
    is_finite = np.isfinite(array[..., :3]).all(axis=-1) if array.ndim == 3 else np.isfinite(array)
    return None if is_finite.all() else is_finite


def common_limits(planes: Iterable[ArrayLike], *, rgb: bool | None = None) -> Limits | None:
    """Return the limits that bring several planes to one scale.

    Planes without nuclei would each be stretched until their noise looks like something.

    Parameters
    ----------
    planes, rgb
        Each as the image of `prepare`; of one type.

    Returns
    -------
    Limits or None
        None when the planes differ in so few pixels that each is better taken by itself.

    Raises
    ------
    InputError
        As `prepare`.
    """
    samples = [_finite_sample(_as_pixels(plane, rgb)) for plane in planes]
    return _spread(np.concatenate(samples))


def sample_part(
    part: ArrayLike, origin: tuple[int, int], shape: tuple[int, int], *, rgb: bool | None = None
) -> Sample:
    """Sample a part of a plane, so that only parts of it have to be in memory.

    Parameters
    ----------
    part : array_like
        As the image of `prepare`.
    origin : tuple of int
        Place (y, x) of its first pixel in the plane.
    shape : tuple of int
        Height and width of the plane.
    rgb : bool, optional
        As for `prepare`.
    """
    pixels = _as_pixels(part, rgb)
    step, (y, x) = _sample_step(shape), origin
    everything = _finite(pixels)
    return Sample(_finite(pixels[-y % step :: step, -x % step :: step]), _extremes(everything))


def join_samples(samples: Sequence[Sample]) -> Sample:
    """Return the sample of all parts, or planes, of which there are some."""
    extremes = [sample.extremes for sample in samples if sample.extremes is not None]
    lows, highs = zip(*extremes, strict=True) if extremes else ((), ())
    return Sample(
        np.concatenate([sample.values for sample in samples]),
        (min(lows), max(highs)) if extremes else None,
    )


def limits_of_sample(sample: Sample) -> Limits:
    """Return the limits that `prepare` takes for the plane of a sample.

    Raises
    ------
    InputError
        When no pixel is finite.
    """
    return _spread(sample.values) or _farthest(sample)


def percentiles_of_sample(sample: Sample) -> Limits | None:
    """Return what `common_limits` does for the planes of a sample."""
    return _spread(sample.values)


def _as_pixels(image: ArrayLike, rgb: bool | None) -> NDArray[np.floating[Any]]:
    """Return half the values as floats, shape (Y, X, 1) for grey and (Y, X, 3) for colour."""
    try:
        array = np.asarray(image)
    except ValueError as error:
        raise InputError("The image is no array: its rows differ in length.") from error
    if array.dtype.kind not in "buif":
        raise InputError(
            f"Images of type {array.dtype} cannot be used: convert to integers or floats first."
        )
    has_colour_axis = array.ndim == 3 and array.shape[-1] in (3, 4)
    if rgb and not has_colour_axis:
        raise _unusable(array, "an RGB image has shape (height, width, 3 or 4)")
    if (not has_colour_axis and array.ndim != 2) or (rgb is False and array.ndim != 2):
        raise _unusable(array, "choose one 2D plane or an RGB image")
    if array.size == 0:
        raise _unusable(array, "an image needs at least one pixel")
    planes = array[..., :3] if array.ndim == 3 else array[..., np.newaxis]
    # Floats that hold every value of the image; halved, so that they also hold any difference.
    precision = np.result_type(array.dtype, np.float32)
    halves: NDArray[np.floating[Any]] = np.multiply(planes, 0.5, dtype=precision, order="C")
    return halves


def _unusable(array: NDArray[Any], advice: str) -> InputError:
    return InputError(f"An array of shape {array.shape} cannot be used: {advice}.")


def _limits(pixels: NDArray[np.floating[Any]]) -> Limits:
    """Return the low and high value of the finite pixels, from an even sample of a large image."""
    values = _finite_sample(pixels)
    # A few bright pixels on an even ground: percentiles and sample miss them, extremes do not.
    return _spread(values) or _farthest(Sample(values, _extremes(_finite(pixels))))


def _farthest(sample: Sample) -> Limits:
    """Return the extremes as limits."""
    if sample.extremes is None:
        raise InputError("The image has no finite pixel: every value is NaN or infinite.")
    low, high = sample.extremes
    return Limits(low, high, float(np.median(sample.values)) if sample.values.size else low)


def _extremes(values: NDArray[np.floating[Any]]) -> tuple[float, float] | None:
    return (values.min(), values.max()) if values.size else None


def _finite_sample(pixels: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
    step = _sample_step((pixels.shape[0], pixels.shape[1]))
    return _finite(pixels[::step, ::step])


def _sample_step(shape: tuple[int, int]) -> int:
    return int(np.ceil(np.sqrt(shape[0] * shape[1] / _MAX_SAMPLE_PX)))


def _finite(pixels: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
    finite: NDArray[np.floating[Any]] = pixels[np.isfinite(pixels)]
    return finite


def _spread(sample: NDArray[np.floating[Any]]) -> Limits | None:
    """Return the percentiles if they differ."""
    if sample.size == 0:
        return None
    low, middle, high = np.percentile(sample, (LOW_PERCENTILE, 50, HIGH_PERCENTILE))
    return Limits(low, high, middle) if low < high else None
