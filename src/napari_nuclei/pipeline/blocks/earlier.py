"""What earlier runs have left where a result goes: just that one, a part of it, or another."""

from __future__ import annotations

from dataclasses import fields, replace
from itertools import chain, count
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
    return is_free and not _has_foreign_table(job)


def refuse_foreign_table(job: BlockJob) -> None:
    """Make sure that no table of other labels would be replaced.

    Raises
    ------
    RunError
        When there is one.
    """
    if _has_foreign_table(job):
        raise RunError(
            f"{job.table} is there already, and not of these labels: remove or rename it, or "
            "choose another output."
        )


def _has_foreign_table(job: BlockJob) -> bool:
    """Tell so of a job whose labels are not there: a run that was killed may have left its own."""
    labels, *_ = result_paths(job.output.parent, job.stem)
    is_of_killed_run = job.folder.path.exists() and not labels.exists()
    table = job.result_table
    return table is not None and table.exists() and not is_of_killed_run


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
