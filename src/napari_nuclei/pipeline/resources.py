"""What a run will take: tiles, seconds, memory; told before it starts."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from math import prod
from time import monotonic
from typing import TYPE_CHECKING, TypeVar

import psutil

from napari_nuclei.core.resampling import scaled_shape
from napari_nuclei.core.tiling import Grid
from napari_nuclei.errors import InputError
from napari_nuclei.pipeline.steps import mapped

if TYPE_CHECKING:
    from napari_nuclei.pipeline.prediction import Progress, TileOptions

T = TypeVar("T")

MAX_KEPT_MAPS_BYTES = 2**30
"""The maps of a stack are kept for other thresholds up to this size: 89 million pixels."""

_TIMED_S = 0.5
_MAPS_BYTES_PER_PX = 12
# Copied, so that it can be shown when the other maps are gone.
_PROBABILITY_BYTES_PER_PX = 4
# Twice: the result, and the copy that napari shows.
_LABELS_BYTES_PER_PX = 8
# Of the plane at work, in its own size and in that which the network sees: twice what was measured.
_PLANE_BYTES_PER_PX = 60
_RESIZED_BYTES_PER_PX = 30


@dataclass(frozen=True)
class Pace:
    """How fast runs are, to tell how long the next one will take.

    Attributes
    ----------
    tiles_per_s : float
        Measured in the last run; by default what a slow laptop does.
    enlargement : float
        By which the planes were resized.
    """

    tiles_per_s: float = 60.0
    enlargement: float = 1.0

    def seconds(self, shape: tuple[int, int], n_planes: int, options: TileOptions) -> float:
        """Return how long so many planes of that height and width will take."""
        return n_planes * count_tiles(shape, options, self.enlargement) / self.tiles_per_s


class Stopwatch:
    """Times a run from its first tile to its end: loading the model comes only once."""

    def __init__(self) -> None:
        self._started_s: float | None = None
        self._seconds = 0.0
        self._tiles = 0

    def time(self, steps: Generator[Progress, None, T]) -> Generator[Progress, None, T]:
        """Pass on the steps of a run."""
        result = yield from mapped(steps, self._see)
        self._seconds = monotonic() - (self._started_s or monotonic())
        return result

    def _see(self, step: Progress) -> Progress:
        if step.total and self._started_s is None:
            self._started_s = monotonic()
        self._tiles = step.total
        return step

    def pace(self, enlargement: float) -> Pace | None:
        """Return how fast the run was; None when it was too short to tell."""
        if self._seconds < _TIMED_S:
            return None
        return Pace(self._tiles / self._seconds, enlargement)


def count_tiles(shape: tuple[int, int], options: TileOptions, enlargement: float = 1.0) -> int:
    """Return how many tiles of a plane the network will see, beside those for the diameter.

    Parameters
    ----------
    shape : tuple of int
        Height and width of the plane in pixels.
    options : TileOptions
        How it is cut.
    enlargement : float
        By which it is resized.
    """
    return len(Grid(scaled_shape(shape, enlargement), options.tile_px, options.halo_px))


def keeps_maps(shape: tuple[int, ...]) -> bool:
    """Tell whether the maps of planes of that shape, (..., Y, X), are kept after a run."""
    return prod(shape) * _MAPS_BYTES_PER_PX <= MAX_KEPT_MAPS_BYTES


def needed_bytes(shape: tuple[int, ...], enlargement: float = 1.0) -> int:
    """Estimate the memory that a run takes at its peak.

    Parameters
    ----------
    shape : tuple of int
        All planes, (..., Y, X), in pixels.
    enlargement : float
        By which the planes are resized.
    """
    maps = (_MAPS_BYTES_PER_PX + _PROBABILITY_BYTES_PER_PX) * keeps_maps(shape)
    kept = _LABELS_BYTES_PER_PX + maps
    work = _PLANE_BYTES_PER_PX + _RESIZED_BYTES_PER_PX * enlargement**2
    return int(prod(shape) * kept + prod(shape[-2:]) * work)


def memory_refusal(shape: tuple[int, ...], enlargement: float = 1.0) -> str:
    """Return in one sentence why a run does not fit into memory; empty if it does."""
    needed, available = needed_bytes(shape, enlargement), psutil.virtual_memory().available
    if needed <= available:
        return ""
    return (
        f"This needs about {_gigabytes(needed)} of memory and {_gigabytes(available)} are free: "
        "choose fewer planes or a part of the image."
    )


def refuse_what_is_too_large(shape: tuple[int, ...], enlargement: float) -> None:
    """Raise InputError when a run does not fit into memory."""
    reason = memory_refusal(shape, enlargement)
    if reason:
        raise InputError(reason)


def duration_in_words(seconds: float) -> str:
    """Return a duration as one says it, such as "about 2 min"."""
    if seconds < 90:
        return f"about {max(10, round(seconds, -1)):.0f} s"
    if seconds < 5400:
        return f"about {seconds / 60:.0f} min"
    return f"about {seconds / 3600:.0f} h"


def _gigabytes(count: float) -> str:
    return f"{count / 1e9:.1f} GB"
