"""Planes that belong together -> labels whose ids are one for a nucleus, plane by plane."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_nuclei.core.instances import NUCLEUS
from napari_nuclei.core.linking import continued_ids
from napari_nuclei.core.measure import largest_sections
from napari_nuclei.errors import InputError
from napari_nuclei.model import store
from napari_nuclei.pipeline.planes import Index, PlaneSource, array_planes, plan_steps
from napari_nuclei.pipeline.prediction import Progress
from napari_nuclei.pipeline.resources import keeps_maps
from napari_nuclei.pipeline.segment import (
    Segmentation,
    SegmentOptions,
    finish,
    make_recipe,
    segment_steps,
)
from napari_nuclei.pipeline.steps import result_of


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
        `napari_nuclei.core.measure.largest_sections` tells.
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
    def probability(self) -> NDArray[np.float32] | None:
        """How sure the network is of each pixel, shape of `labels`; None without maps."""
        return None if self.maps is None else self.maps[..., NUCLEUS]

    @property
    def n_nuclei(self) -> int:
        """Number of nuclei, the rows of the table."""
        return len(self.table["index"])

    @property
    def diameter_px(self) -> float | None:
        """The diameter for which the planes were resized, chosen or estimated."""
        diameter_px: float | None = self.recipe["options"]["diameter_px"]
        return diameter_px


def segment_planes(
    image: Any,
    model: store.Model | str | Path | None = None,
    *,
    names: Sequence[str],
    rgb: bool = False,
    link_axis: int | None = None,
    **options: Any,
) -> StackSegmentation:
    """Find the nuclei of all planes of a stack: `napari_nuclei.segment` for more axes.

    Parameters
    ----------
    image : array
        Shape (..., Y, X), or (..., Y, X, 3 or 4) when `rgb`; a lazy one is read plane by plane.
    model : Model, str or Path, optional
        A loaded model, the name of an installed one, or a model folder; default: the shipped one.
    names : sequence of str
        Name of each axis before Y and X, one at least: a column of the table.
    rgb : bool
        Whether the last axis holds colours.
    link_axis : int, optional
        The axis of `names` along which nuclei keep their id from plane to plane; by default each
        plane has ids of its own.
    **options
        Fields of `napari_nuclei.SegmentOptions`.

    Returns
    -------
    StackSegmentation

    Raises
    ------
    InputError
        When the image or an option cannot be used, or the result would not fit into memory.
    ModelError
        When the model is unknown or damaged.

    Examples
    --------
    >>> labels = segment_planes(stack, names=["z"], link_axis=0).labels  # doctest: +SKIP
    """
    source = array_planes(image, names, rgb=rgb)
    chosen = SegmentOptions(**options)
    loaded = model if isinstance(model, store.Model) else store.load_model(model)
    found = result_of(segment_planes_steps(source, loaded, chosen, link_axis=link_axis))
    assert isinstance(found, StackSegmentation)  # noqa: S101  (for mypy: there are planes)
    return found


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
    if link_axis is not None and not 0 <= link_axis < len(source.counts):
        raise InputError(
            f"Planes cannot be linked along axis {link_axis}: choose one of {source.names}, "
            "counted from 0."
        )
    plan = yield from plan_steps(source, model, options)
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


class _Collector:
    """Puts the labels of planes together, under ids that are one for a nucleus."""

    def __init__(
        self, shape: tuple[int, ...], names: tuple[str, ...], link_axis: int | None
    ) -> None:
        self._labels = np.zeros(shape, np.int32)
        self._names = names
        self._link_axis = link_axis
        self._planes: list[Index] = []
        self._tables: list[dict[str, NDArray[Any]]] = []
        self._next_id = 1

    def add(self, index: Index, plane: Segmentation) -> None:
        """Add a plane; along the axis of links, after the one before it."""
        ids = np.array([0, 1]) if _is_semantic(plane) else self._ids(index, plane.labels)
        self._next_id = max(self._next_id, int(ids.max()) + 1)
        self._labels[index] = ids[plane.labels]
        self._planes.append(index)
        self._tables.append(plane.table | {"index": ids[plane.table["index"]].astype(np.int32)})

    def result(
        self, maps: NDArray[np.float32] | None, model: store.Model, options: SegmentOptions
    ) -> StackSegmentation:
        """Return all planes that were added."""
        table = largest_sections(self._tables, self._planes, self._names)
        recipe = make_recipe(model, options) | {"link_axis": self._link_axis}
        return StackSegmentation(self._labels, maps, table, recipe, self._names)

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
