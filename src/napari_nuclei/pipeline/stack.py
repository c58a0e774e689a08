"""Planes that belong together -> labels whose ids are one for a nucleus, plane by plane."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, replace
from math import prod
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from napari_nuclei.core import images
from napari_nuclei.core.linking import continued_ids, largest_sections
from napari_nuclei.errors import InputError
from napari_nuclei.pipeline.prediction import Progress
from napari_nuclei.pipeline.resources import count_tiles, keeps_maps, refuse_what_is_too_large
from napari_nuclei.pipeline.scale import estimate_diameter_steps, predict_resized_steps
from napari_nuclei.pipeline.segment import (
    Segmentation,
    SegmentOptions,
    finish,
    make_recipe,
    segment_steps,
)

if TYPE_CHECKING:
    from napari_nuclei.core.images import Limits
    from napari_nuclei.model import store
    from napari_nuclei.model.predictor import Predictor

_SAMPLED_PLANES = 9
_PLANES_TRIED_FOR_DIAMETER = 3

Index = tuple[int, ...]


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
class StackSegmentation:
    """What was found in the planes of a source.

    Attributes
    ----------
    labels : numpy.ndarray
        Shape (..., Y, X), int32: 0 is background; no two nuclei share an id (1 for all when
        semantic).
    maps : numpy.ndarray or None
        Shape (..., Y, X, 3), float32: nucleus, border, distance; None where they take more than
        `napari_nuclei.pipeline.resources.MAX_KEPT_MAPS_BYTES`.
    table : dict of str to numpy.ndarray
        One row a nucleus: that of `napari_nuclei.core.measure.measure` for the plane in which it
        is largest, and besides the planes that it is in, as
        `napari_nuclei.core.linking.largest_sections` tells.
    recipe : dict
        As that of `napari_nuclei.pipeline.segment.Segmentation`; ``link_axis`` besides.
    names : tuple of str
        Names of the axes before the last two.
    """

    labels: NDArray[np.int32]
    maps: NDArray[np.float32] | None
    table: dict[str, NDArray[Any]]
    recipe: dict[str, Any]
    names: tuple[str, ...]

    @property
    def diameter_px(self) -> float | None:
        """The diameter for which the planes were resized, chosen or estimated."""
        diameter_px: float | None = self.recipe["options"]["diameter_px"]
        return diameter_px


def segment_planes_steps(
    source: PlaneSource,
    model: store.Model,
    options: SegmentOptions,
    *,
    link_axis: int | None = None,
) -> Generator[Progress, None, Segmentation | StackSegmentation]:
    """Find the nuclei of all planes step by step, with one scale and one diameter for all.

    Parameters
    ----------
    source : PlaneSource
        Its planes are read one at a time.
    model : Model
        The network.
    options : SegmentOptions
        A diameter of ``"auto"`` is estimated once, from a plane near the middle with nuclei.
    link_axis : int, optional
        The axis of `counts` along which nuclei keep their id from plane to plane; by default each
        plane has ids of its own.

    Yields
    ------
    Progress
        After each batch of tiles, counting those of all planes.

    Returns
    -------
    Segmentation or StackSegmentation
        The former when `counts` is empty.

    Raises
    ------
    InputError
        When a plane cannot be used, or the result would not fit into memory.
    """
    if not source.counts:
        pixels, mask = source.read(()), source.mask()
        return (yield from segment_steps(pixels, model, options, rgb=source.rgb, mask=mask))
    plan = yield from _plan_steps(source, model, options)
    shape = (*source.counts, *source.shape)
    kept = np.zeros((*shape, 3), np.float32) if keeps_maps(shape) else None
    collector = _Collector(shape, source.names, link_axis)
    for number, index in enumerate(np.ndindex(source.counts)):
        maps = yield from plan.maps_steps(index, number)
        collector.add(index, finish(maps, model, plan.options))
        if kept is not None:
            kept[index] = maps
    return collector.result(kept, model, plan.options)


def relabel_planes_steps(
    found: StackSegmentation, options: SegmentOptions, model: store.Model
) -> Generator[Progress, None, StackSegmentation]:
    """Apply other thresholds to kept maps: `napari_nuclei.pipeline.segment.relabel` for stacks.

    Raises
    ------
    InputError
        When the maps were not kept.
    """
    if found.maps is None:
        raise InputError("The maps of so many planes are not kept: segment them again.")
    options = replace(options, diameter_px=found.diameter_px)
    counts = found.labels.shape[:-2]
    collector = _Collector(found.labels.shape, found.names, found.recipe["link_axis"])
    for number, index in enumerate(np.ndindex(counts)):
        yield Progress(number, prod(counts))
        collector.add(index, finish(found.maps[index], model, options))
    return collector.result(found.maps, model, options)


@dataclass(frozen=True)
class _Plan:
    """What is the same for all planes of a source."""

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
        prepared = _prepare(self.source, index, self.limits)
        steps = predict_resized_steps(prepared, self.enlargement, self.predictor, self.options)
        while True:
            try:
                step = next(steps)
            except StopIteration as finished:
                maps: NDArray[np.float32] = finished.value
                return maps if self.mask is None else maps * self.mask[..., np.newaxis]
            yield Progress(number * self.tiles + step.done, self._total)

    @property
    def _total(self) -> int:
        return self.tiles * prod(self.source.counts)


class _Collector:
    """Puts the labels of planes together, under ids that are one for a nucleus."""

    def __init__(
        self, shape: tuple[int, ...], names: tuple[str, ...], link_axis: int | None
    ) -> None:
        self._labels = np.zeros(shape, np.int32)
        self._names = names
        self._link_axis = link_axis
        self._tables: list[dict[str, NDArray[Any]]] = []
        self._next_id = 1

    def add(self, index: Index, plane: Segmentation) -> None:
        """Add a plane; along the axis of links, after the one before it."""
        ids = np.array([0, 1]) if _is_semantic(plane) else self._ids(index, plane.labels)
        self._next_id = max(self._next_id, int(ids.max()) + 1)
        self._labels[index] = ids[plane.labels]
        rows = ids[plane.table["index"]].astype(np.int32)
        place = {name: np.full(len(rows), at) for name, at in zip(self._names, index, strict=True)}
        self._tables.append({"index": rows} | place | plane.table | {"index": rows})

    def result(
        self, maps: NDArray[np.float32] | None, model: store.Model, options: SegmentOptions
    ) -> StackSegmentation:
        """Return all planes that were added."""
        table = {name: np.concatenate([t[name] for t in self._tables]) for name in self._tables[0]}
        recipe = make_recipe(model, options) | {"link_axis": self._link_axis}
        return StackSegmentation(self._labels, maps, largest_sections(table), recipe, self._names)

    def _ids(self, index: Index, labels: NDArray[np.int32]) -> NDArray[np.int64]:
        axis = self._link_axis
        if axis is not None and index[axis] > 0:
            before = (*index[:axis], index[axis] - 1, *index[axis + 1 :])
            return continued_ids(self._labels[before], labels, self._next_id)
        ids = np.arange(self._next_id - 1, self._next_id + labels.max(initial=0))
        ids[0] = 0
        return ids


def _is_semantic(plane: Segmentation) -> bool:
    return bool(plane.recipe["options"]["semantic"])


def _plan_steps(
    source: PlaneSource, model: store.Model, options: SegmentOptions
) -> Generator[Progress, None, _Plan]:
    """Look at some planes to find the scale and the diameter of all."""
    sampled = _sampled(source.counts)
    yield Progress(0, 0)
    limits = images.common_limits(map(source.read, sampled), rgb=source.rgb)
    if options.diameter_px == "auto":
        diameter_px = yield from _diameter_steps(source, sampled, limits, model, options)
    else:
        diameter_px = options.diameter_px
    options = replace(options, diameter_px=diameter_px)
    enlargement = model.diameters.enlargement(diameter_px)
    refuse_what_is_too_large((*source.counts, *source.shape), enlargement)
    tiles = count_tiles(source.shape, options, enlargement)
    # A batch is filled up: planes of a few tiles would mostly be made of nothing.
    predictor = model.predictor(min(tiles, options.batch_size))
    return _Plan(source, predictor, options, limits, source.mask(), enlargement, tiles)


def _diameter_steps(
    source: PlaneSource,
    sampled: list[Index],
    limits: Limits | None,
    model: store.Model,
    options: SegmentOptions,
) -> Generator[Progress, None, float | None]:
    """Estimate the diameter where there are nuclei: in the middle, or else near it."""
    predictor = model.predictor(options.batch_size)
    thresholds = options.instances(model.thresholds)
    middle = np.divide(source.counts, 2)
    nearest = sorted(sampled, key=lambda index: float(np.abs(index - middle).sum()))
    for index in nearest[:_PLANES_TRIED_FOR_DIAMETER]:
        prepared = _prepare(source, index, limits)
        diameter_px = yield from estimate_diameter_steps(prepared, predictor, thresholds, options)
        if diameter_px is not None:
            return diameter_px
    return None


def _prepare(source: PlaneSource, index: Index, limits: Limits | None) -> NDArray[np.float32]:
    return images.prepare(source.read(index), rgb=source.rgb, limits=limits)


def _sampled(counts: tuple[int, ...]) -> list[Index]:
    """Return some planes, evenly spread over all."""
    numbers = np.linspace(0, prod(counts) - 1, _SAMPLED_PLANES).round().astype(int)
    return [tuple(map(int, np.unravel_index(number, counts))) for number in np.unique(numbers)]
