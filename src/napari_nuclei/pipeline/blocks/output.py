"""Finished blocks -> one label image and one table, with ids from 1 without gaps."""

from __future__ import annotations

import shutil
from collections.abc import Generator, Iterator
from dataclasses import asdict, dataclass, replace
from itertools import accumulate
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_nuclei.core.blocks import Spill, add_spills
from napari_nuclei.pipeline import tables
from napari_nuclei.pipeline.blocks import ome_zarr
from napari_nuclei.pipeline.prediction import Progress

if TYPE_CHECKING:
    from napari_nuclei.core.measure import Table
    from napari_nuclei.pipeline.blocks.files import Place
    from napari_nuclei.pipeline.blocks.plan import Plan

_LABELS = "labels.ome.zarr"


@dataclass(frozen=True)
class Counts:
    """What is in a label image.

    Attributes
    ----------
    n_nuclei : int
        0 for a mask.
    nucleus_share : float
        Share of the area that is nucleus, 0 to 1.
    """

    n_nuclei: int
    nucleus_share: float


@dataclass(frozen=True)
class _Numbering:
    """What is added to the ids of each block, by its name."""

    offsets: dict[str, int]
    total: int

    def labels(self, plan: Plan, place: Place) -> NDArray[np.int32]:
        """Return the core of a block under its final ids."""
        return self._final(place, plan.folder.read_labels(place))

    def spill(self, plan: Plan, place: Place) -> Spill:
        """Return the spill of a block under its final ids."""
        spill = plan.folder.read_spill(place)
        return replace(spill, ids=self._final(place, spill.ids))

    def table(self, plan: Plan, place: Place) -> Table:
        """Return the table of a block under its final ids."""
        table = plan.folder.read_table(place)
        return table | {"index": self._final(place, table["index"])}

    def _final(self, place: Place, ids: NDArray[Any]) -> NDArray[np.int32]:
        offset = self.offsets[place.name]
        return np.where(ids > 0, ids.astype(np.int32) + np.int32(offset), 0).astype(np.int32)


def assemble_steps(
    plan: Plan, output: Path, table: Path, recipe: dict[str, Any]
) -> Generator[Progress, None, Counts]:
    """Write labels and table of a plan whose blocks are all finished.

    Parameters
    ----------
    plan : Plan
        What is the same for all blocks.
    output, table : Path
        The label image, which comes last, and its table; there is none of a mask.
    recipe : dict
        JSON values: goes with the labels, and the counts with it.

    Yields
    ------
    Progress
        Blocks.

    Returns
    -------
    Counts
    """
    places = list(plan.places())
    numbering = _number(plan, places)
    unfinished = plan.folder.path / _LABELS
    shutil.rmtree(unfinished, ignore_errors=True)
    array = ome_zarr.create_labels(unfinished, plan.image.full_shape)
    n_pixels = 0
    for done, place in enumerate(places):
        yield Progress(done, len(places))
        where: tuple[int | slice, ...] = (*place.index, *place.block.core)
        array[where] = labels = _core(plan, place, numbering)
        n_pixels += int(np.count_nonzero(labels))
    image = plan.image
    names = (*image.names, "y", "x")
    counts = Counts(numbering.total, n_pixels / prod(image.full_shape))
    ours = {**recipe, **asdict(counts)}
    ome_zarr.finish_labels(unfinished, names, image.scale, image.units, image.translation, ours)
    if not plan.options.semantic:
        tables.write_csv_parts((numbering.table(plan, place) for place in places), table)
    unfinished.replace(output)
    return counts


def _number(plan: Plan, places: list[Place]) -> _Numbering:
    if plan.options.semantic:
        return _Numbering({place.name: 0 for place in places}, 0)
    counts = [plan.folder.count(place) for place in places]
    ends = list(accumulate(counts))
    starts = (end - count for end, count in zip(ends, counts, strict=True))
    return _Numbering({p.name: start for p, start in zip(places, starts, strict=True)}, ends[-1])


def _core(plan: Plan, place: Place, numbering: _Numbering) -> NDArray[np.int32]:
    """Return the labels of a core, with what nuclei of other blocks have there."""
    labels = numbering.labels(plan, place)
    if plan.options.semantic:
        return labels
    return add_spills(labels, place.block.core, _spills(plan, place, numbering))


def _spills(plan: Plan, place: Place, numbering: _Numbering) -> Iterator[Spill]:
    for block in plan.grid.around(place.block, plan.margins_px[-1]):
        yield numbering.spill(plan, replace(place, block=block))
