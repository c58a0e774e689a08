"""Image of any size -> label image and table on disk; what was stopped goes on where it was."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_nuclei.errors import RunError
from napari_nuclei.model import store
from napari_nuclei.pipeline.blocks.earlier import found_before, in_own_place, refuse_foreign_results
from napari_nuclei.pipeline.blocks.images import as_large_image, open_image
from napari_nuclei.pipeline.blocks.job import BlockJob, BlockSegmentation
from napari_nuclei.pipeline.blocks.output import assemble_steps
from napari_nuclei.pipeline.blocks.plan import (
    Plan,
    Scale,
    diameter_steps,
    make_request,
    margin_px,
    scale_steps,
)
from napari_nuclei.pipeline.blocks.workers import work_steps
from napari_nuclei.pipeline.segment import SegmentOptions, make_recipe
from napari_nuclei.pipeline.steps import result_of

if TYPE_CHECKING:
    from napari_nuclei.model.store import Model
    from napari_nuclei.pipeline.prediction import Progress


def segment_blocks(
    image: Any,
    output: str | Path,
    model: store.Model | str | Path | None = None,
    *,
    channel: int = 0,
    pixel_um: float | None = None,
    scheduler: str | None = None,
    **options: Any,
) -> BlockSegmentation:
    """Find the nuclei of an image that need not fit into memory.

    Parameters
    ----------
    image : str, Path or array
        Path of an OME-Zarr image, a Zarr array or an image file; or an array of shape (..., Y, X)
        or (Y, X, 3 or 4) such as those of Zarr, dask and numpy, of which windows are read.
    output : str or Path
        The OME-Zarr label image to make, such as ``cells_labels.ome.zarr``; the table goes beside
        it, as ``cells_nuclei.csv``. While it is being made, ``cells_labels.ome.zarr.unfinished``
        holds the finished blocks: the same call goes on from there.
    model : Model, str or Path, optional
        A loaded model, the name of an installed one, or a model folder; default: the shipped one.
    channel : int
        Which one is taken, counted from 0, where there is an axis of channels.
    pixel_um : float, optional
        Side of a pixel in micrometres: areas and diameters of the table are then in micrometres.
    scheduler : str, optional
        Address of a `distributed` cluster, whose workers see the files by the same paths; default:
        threads of this process.
    **options
        Fields of `napari_nuclei.SegmentOptions`.

    Returns
    -------
    BlockSegmentation

    Raises
    ------
    InputError, DatasetError
        When the image or an option cannot be used.
    ModelError
        When the model is unknown or damaged.
    RunError
        When there is something else at `output`, or a table of others beside it, or the cluster
        fails.

    Examples
    --------
    >>> found = segment_blocks("cells.ome.zarr", "cells_labels.ome.zarr")  # doctest: +SKIP
    """
    chosen = SegmentOptions(**options)
    is_path = isinstance(image, (str, Path))
    pixels = open_image(image, channel) if is_path else as_large_image(image, channel=channel)
    job = BlockJob(pixels, Path(output).absolute(), chosen, pixel_um, scheduler)
    loaded = model if isinstance(model, store.Model) else store.load_model(model)
    return result_of(block_steps(job, loaded))


def block_steps(job: BlockJob, model: Model) -> Generator[Progress, None, BlockSegmentation]:
    """Segment block by block, so that a caller can show progress and stop.

    Yields
    ------
    Progress
        Blocks. Closing the generator keeps those that are finished.

    Returns
    -------
    BlockSegmentation

    Raises
    ------
    As `segment_blocks`.
    """
    scale = yield from scale_steps(job.image, job.block_px)
    request = make_request(job.image, scale, model, job.options, job.pixel_um, job.block_px)
    if job.is_numbered:
        job = in_own_place(job, request)
    if job.output.exists():
        return found_before(job, request)
    refuse_foreign_results(job)
    with job.folder.held():
        plan = yield from _plan_steps(job, model, scale, request)
        predictor = model.predictor(job.options.batch_size, job.options.device)
        yield from work_steps(plan, plan.places(), predictor, job.scheduler)
        recipe = make_recipe(model, plan.options) | {"request": request}
        counts = yield from assemble_steps(plan, job.output, job.table, recipe)
    job.folder.remove()
    return BlockSegmentation(job.output, job.result_table, counts, recipe)


def _plan_steps(
    job: BlockJob, model: Model, scale: Scale, request: dict[str, Any]
) -> Generator[Progress, None, Plan]:
    record = job.folder.read_record()
    if record is None:
        diameter_px = yield from diameter_steps(job.image, scale, model, job.options)
        record = {"request": request, "diameter_px": diameter_px}
        job.folder.write_record(record)
    if record["request"] != request:
        raise RunError(
            f"{job.folder.path} has blocks of other options, or of another image, model or "
            "version: remove it, or choose another output."
        )
    diameter_px = record["diameter_px"]
    thresholds = job.options.instances(model.thresholds)
    return Plan(
        job.image,
        job.folder.of_run(record),
        replace(job.options, diameter_px=diameter_px, **asdict(thresholds)),
        scale.limits,
        model.diameters.enlargement(diameter_px),
        margin_px(diameter_px, model),
        job.block_px,
        job.pixel_um,
        model.folder,
        model.sha256,
    )
