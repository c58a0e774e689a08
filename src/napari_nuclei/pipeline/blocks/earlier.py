"""What earlier runs have left where a result goes: just that one, a part of it, or another."""

from __future__ import annotations

from dataclasses import fields, replace
from itertools import chain, count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_nuclei.errors import RunError
from napari_nuclei.pipeline.blocks import ome_zarr
from napari_nuclei.pipeline.blocks.job import BlockSegmentation
from napari_nuclei.pipeline.blocks.output import Counts
from napari_nuclei.pipeline.results import result_paths

if TYPE_CHECKING:
    from napari_nuclei.pipeline.blocks.job import BlockJob


def in_own_place(job: BlockJob, request: dict[str, Any]) -> BlockJob:
    """Return the job with the first output, of those with a number, that no other request has."""
    ending = job.output.name.removeprefix(job.stem)
    names = (f"{job.stem}_{number}{ending}" for number in count(2))
    jobs = (replace(job, output=job.output.with_name(name)) for name in names)
    return next(one for one in chain([job], jobs) if _has_own_place(one, request))


def _has_own_place(job: BlockJob, request: dict[str, Any]) -> bool:
    if job.output.exists():
        return _is_of(job, ome_zarr.read_our_attribute(job.output), request)
    record = job.folder.read_record()
    is_free = record is None or bool(record["request"] == request)
    return is_free and _foreign_result(job) is None


def refuse_foreign_results(job: BlockJob) -> None:
    """Make sure that labels of a file of the same stem do not share a table with those of the job.

    Raises
    ------
    RunError
        When there are some, or a table that is not of the job.
    """
    found = _foreign_result(job)
    if found is not None:
        raise RunError(
            f"{found} is there already, and not of this image, whose table is to be "
            f"{job.table.name}: remove or rename it, or choose another output."
        )


def _foreign_result(job: BlockJob) -> Path | None:
    """Return what is in the way of a job whose labels are not there yet; a mask has no table."""
    if job.result_table is None:
        return None
    labels, *_ = result_paths(job.output.parent, job.stem)
    if labels.exists():
        return labels
    # A run that was killed may have left its own table.
    is_own = job.folder.path.exists() or not job.table.exists()
    return None if is_own else job.table


def found_before(job: BlockJob, request: dict[str, Any]) -> BlockSegmentation:
    """Return the result that is there already.

    Raises
    ------
    RunError
        When it is of another request.
    """
    recipe = ome_zarr.read_our_attribute(job.output)
    if not _is_of(job, recipe, request):
        raise RunError(
            f"{job.output} is there already, and not of this image, model, options and version: "
            "remove it and its table, or choose another output."
        )
    counts = Counts(*(recipe.pop(field.name) for field in fields(Counts)))
    return BlockSegmentation(job.output, job.result_table, counts, recipe, done_before=True)


def _is_of(job: BlockJob, recipe: dict[str, Any], request: dict[str, Any]) -> bool:
    """Tell whether a job has its complete result, with this recipe, for this request."""
    table = job.result_table
    return recipe.get("request") == request and (table is None or table.is_file())
