"""Planes of one image, and what is the same for all of them: scale, diameter, tiles."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from napari_nuclei.core import images
from napari_nuclei.core.instances import confine
from napari_nuclei.errors import InputError
from napari_nuclei.pipeline.prediction import Progress
from napari_nuclei.pipeline.resources import count_tiles, refuse_what_is_too_large
from napari_nuclei.pipeline.scale import estimate_diameter_steps, predict_resized_steps
from napari_nuclei.pipeline.steps import mapped

if TYPE_CHECKING:
    from napari_nuclei.core.images import Limits
    from napari_nuclei.core.resampling import Pixels
    from napari_nuclei.model import store
    from napari_nuclei.model.predictor import Predictor
    from napari_nuclei.pipeline.segment import SegmentOptions

_SAMPLED_PLANES = 9
_PLANES_TRIED_FOR_DIAMETER = 3

Index = tuple[int, ...]
"""Which plane, along each axis of planes."""


class PlaneSource(Protocol):
    """Planes of one shape, each read when it is needed."""

    @property
    def counts(self) -> tuple[int, ...]:
        """Planes along each axis; empty for a single plane."""

    @property
    def names(self) -> tuple[str, ...]:
        """Name of each axis of `counts`: a column of the table."""

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width in pixels."""

    @property
    def rgb(self) -> bool:
        """Whether a plane has colours, as its third axis."""

    def read(self, index: Index) -> NDArray[Any]:
        """Return a plane, (Y, X) or (Y, X, 3 or 4)."""

    def mask(self) -> NDArray[np.bool_] | None:
        """Return where nuclei are wanted, (Y, X); None: everywhere."""


@dataclass(frozen=True)
class ArrayPlanes:
    """The planes of an array, all of each: a `PlaneSource`.

    Attributes
    ----------
    array : array
        Shape (..., Y, X), or (..., Y, X, 3 or 4) when `rgb`; of any type that numpy can read.
    names : tuple of str
        Name of each axis before Y and X.
    rgb : bool
        Whether the last axis holds colours.
    """

    array: Any
    names: tuple[str, ...]
    rgb: bool = False

    @property
    def counts(self) -> tuple[int, ...]:
        """Planes along each axis."""
        return tuple(self.array.shape[: len(self.names)])

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width in pixels."""
        height, width = self.array.shape[len(self.names) :][:2]
        return height, width

    def read(self, index: Index) -> NDArray[Any]:
        """Return a plane, (Y, X) or (Y, X, 3 or 4)."""
        return np.asarray(self.array[index])

    def mask(self) -> None:
        """Tell that nuclei are wanted everywhere."""


def array_planes(image: Any, names: Sequence[str], *, rgb: bool) -> ArrayPlanes:
    """Return the planes of an array; an `InputError` tells that its axes are others, or empty."""
    expected = len(names) + 2 + rgb
    if not names or image.ndim != expected:
        raise InputError(
            f"A stack of shape {tuple(image.shape)} with {len(names)} named axes cannot be used: "
            "name each axis before height and width."
        )
    if 0 in image.shape:
        raise InputError(f"A stack of shape {tuple(image.shape)} has no pixel: choose another.")
    return ArrayPlanes(image, tuple(names), rgb)


@dataclass(frozen=True)
class Plan:
    """What is the same for all planes of a source.

    Attributes
    ----------
    source : PlaneSource
        Where they come from.
    predictor : Predictor
        For batches of at most as many tiles as the options say.
    options : SegmentOptions
        With the diameter that was estimated.
    limits : Limits or None
        Of the scale; None: each plane has its own.
    mask : numpy.ndarray or None
        Shape (Y, X), bool: where nuclei are wanted.
    enlargement : float
        By which planes are resized.
    tiles : int
        Of each plane.
    """

    source: PlaneSource
    predictor: Predictor
    options: SegmentOptions
    limits: Limits | None
    mask: NDArray[np.bool_] | None
    enlargement: float
    tiles: int

    def maps_steps(
        self, index: Index, number: int
    ) -> Generator[Progress, None, NDArray[np.float32]]:
        """Predict one plane, the one of this number."""
        yield Progress(number * self.tiles, self._total)
        pixels = self.source.read(index)
        prepared = images.prepare(pixels, rgb=self.source.rgb, limits=self.limits)
        steps = predict_resized_steps(prepared, self.enlargement, self.predictor, self.options)
        done = number * self.tiles
        maps = yield from mapped(steps, lambda step: Progress(done + step.done, self._total))
        return confine(maps, self.mask, images.finite_pixels(pixels))

    @property
    def _total(self) -> int:
        return self.tiles * prod(self.source.counts)


def plan_steps(
    source: PlaneSource, model: store.Model, options: SegmentOptions
) -> Generator[Progress, None, Plan]:
    """Look at some planes to find the scale and the diameter of all.

    Raises
    ------
    InputError
        When a plane cannot be used, or the result would not fit into memory.
    """
    yield Progress(0, 0)
    sampled = map(source.read, sampled_planes(source.counts))
    limits = images.common_limits(sampled, rgb=source.rgb)
    if options.diameter_px == "auto":
        diameter_px = yield from common_diameter_steps(
            source.counts, lambda index: _prepare(source, index, limits), model, options
        )
    else:
        diameter_px = options.diameter_px
    options = replace(options, diameter_px=diameter_px)
    enlargement = model.diameters.enlargement(diameter_px)
    refuse_what_is_too_large((*source.counts, *source.shape), enlargement)
    tiles = count_tiles(source.shape, options, enlargement)
    predictor = model.predictor(options.batch_size, options.device)
    return Plan(source, predictor, options, limits, source.mask(), enlargement, tiles)


def common_diameter_steps(
    counts: tuple[int, ...],
    prepare: Callable[[Index], Pixels],
    model: store.Model,
    options: SegmentOptions,
) -> Generator[Progress, None, float | None]:
    """Estimate the diameter where there are nuclei: in the middle plane, or else near it.

    Parameters
    ----------
    counts : tuple of int
        Planes along each axis.
    prepare : callable
        Returns a plane as the network wants it.
    model, options
        As for `plan_steps`.
    """
    predictor = model.predictor(options.batch_size, options.device)
    middle = np.divide(counts, 2)
    nearest = sorted(sampled_planes(counts), key=lambda index: float(np.abs(index - middle).sum()))
    for index in nearest[:_PLANES_TRIED_FOR_DIAMETER]:
        steps = estimate_diameter_steps(prepare(index), predictor, model.thresholds, options)
        diameter_px = yield from steps
        if diameter_px is not None:
            return diameter_px
    return None


def _prepare(source: PlaneSource, index: Index, limits: Limits | None) -> NDArray[np.float32]:
    return images.prepare(source.read(index), rgb=source.rgb, limits=limits)


def sampled_planes(counts: tuple[int, ...]) -> list[Index]:
    """Return some planes, evenly spread over all."""
    numbers = np.linspace(0, prod(counts) - 1, _SAMPLED_PLANES).round().astype(int)
    return [tuple(map(int, np.unravel_index(number, counts))) for number in np.unique(numbers)]
