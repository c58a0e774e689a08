"""Image of any size -> label image and table on disk; what was stopped goes on where it was."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import asdict, dataclass, fields, replace
from itertools import chain, count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_nuclei.errors import InputError, RunError
from napari_nuclei.model import store
from napari_nuclei.pipeline.blocks import ome_zarr
from napari_nuclei.pipeline.blocks.files import BlockFolder
from napari_nuclei.pipeline.blocks.images import LargeImage, as_large_image, open_image
from napari_nuclei.pipeline.blocks.output import Counts, assemble_steps
from napari_nuclei.pipeline.blocks.plan import (
    BLOCK_PX,
    Plan,
    Scale,
    diameter_steps,
    make_request,
    margin_px,
    scale_steps,
)
from napari_nuclei.pipeline.blocks.workers import work_steps
from napari_nuclei.pipeline.prediction import Progress, result_of
from napari_nuclei.pipeline.segment import SegmentOptions, make_recipe

if TYPE_CHECKING:
    from napari_nuclei.model.store import Model

_UNFINISHED = ".unfinished"


@dataclass(frozen=True)
class BlockSegmentation:
    """What was found in an image of any size.

    Attributes
    ----------
    labels : Path
        OME-Zarr 0.4, int32: 0 is background, the nuclei are 1 to n (1 alone when semantic).
    table : Path or None
        CSV, one row a nucleus, in the order of ids; None when semantic.
    counts : Counts
        Number of nuclei, and their share of the area.
    recipe : dict
        As that of `napari_nuclei.pipeline.segment.Segmentation`; ``request`` besides.
    done_before : bool
        Whether it was there already.
    """

    labels: Path
    table: Path | None
    counts: Counts
    recipe: dict[str, Any]
    done_before: bool = False

    @property
    def n_nuclei(self) -> int:
        """Number of nuclei; 0 when semantic."""
        return self.counts.n_nuclei

    @property
    def diameter_px(self) -> float | None:
        """The diameter for which the image was resized, chosen or estimated; None: it was not."""
        diameter_px: float | None = self.recipe["options"]["diameter_px"]
        return diameter_px


@dataclass(frozen=True)
class BlockJob:
    """What is to be done.

    Attributes
    ----------
    image : LargeImage
    output : Path
        The label image that is made, a folder whose name ends with ``.zarr``; the table lies beside
        it, as `table` tells.
    options : SegmentOptions
    pixel_um : float or None
        Side of a pixel in micrometres, for the table; None: in pixels.
    scheduler : str or None
        Address of a cluster such as ``tcp://host:8786``; None: threads of this process.
    block_px : int
        Side of a block.
    is_numbered : bool
        Whether the output gets a number where there is something else already, not an error.

    Raises
    ------
    InputError
        When they do not belong together.
    """

    image: LargeImage
    output: Path
    options: SegmentOptions
    pixel_um: float | None = None
    scheduler: str | None = None
    block_px: int = BLOCK_PX
    is_numbered: bool = False

    def __post_init__(self) -> None:
        if self.output.suffix != ".zarr":
            raise InputError(f"{self.output}: labels go to a folder whose name ends with .zarr.")
        if self.scheduler and self.image.is_in_memory:
            raise InputError(
                "The workers of a scheduler cannot read an array of this process: save the image "
                "as OME-Zarr and give its path."
            )

    @property
    def table(self) -> Path:
        """The table of nuclei."""
        return table_path(self.output)

    @property
    def folder(self) -> BlockFolder:
        """Where finished blocks are until all of them are."""
        return BlockFolder(self.output.with_name(self.output.name + _UNFINISHED))


def table_path(output: Path) -> Path:
    """Return the table that belongs to a label image."""
    return output.with_name(f"{_stem(output)}_nuclei.csv")


def _stem(output: Path) -> str:
    return output.name.removesuffix(".zarr").removesuffix(".ome").removesuffix("_labels")


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
        When there is something else at `output`, or the cluster fails.

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
        job = _in_own_place(job, request)
    if job.output.exists():
        return _found_before(job, request)
    with job.folder.held():
        plan = yield from _plan_steps(job, model, scale, request)
        predictor = model.predictor(job.options.batch_size, job.options.device)
        yield from work_steps(plan, plan.places(), predictor, job.scheduler)
        recipe = make_recipe(model, plan.options) | {"request": request}
        counts = yield from assemble_steps(plan, job.output, job.table, recipe)
    job.folder.remove()
    return BlockSegmentation(job.output, _table_of(job), counts, recipe)


def _in_own_place(job: BlockJob, request: dict[str, Any]) -> BlockJob:
    """Return the job with the first output, of those with a number, that no other request has."""
    stem = _stem(job.output)
    ending = job.output.name.removeprefix(stem)
    names = (f"{stem}_{number}{ending}" for number in count(2))
    jobs = (replace(job, output=job.output.with_name(name)) for name in names)
    return next(one for one in chain([job], jobs) if _has_own_place(one, request))


def _has_own_place(job: BlockJob, request: dict[str, Any]) -> bool:
    if job.output.exists():
        return _is_of(job, ome_zarr.read_our_attribute(job.output), request)
    record = job.folder.read_record()
    return record is None or bool(record["request"] == request)


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


def _found_before(job: BlockJob, request: dict[str, Any]) -> BlockSegmentation:
    recipe = ome_zarr.read_our_attribute(job.output)
    if not _is_of(job, recipe, request):
        raise RunError(
            f"{job.output} is there already, and not of this image, model, options and version: "
            "remove it, or choose another output."
        )
    counts = Counts(*(recipe.pop(field.name) for field in fields(Counts)))
    return BlockSegmentation(job.output, _table_of(job), counts, recipe, done_before=True)


def _is_of(job: BlockJob, recipe: dict[str, Any], request: dict[str, Any]) -> bool:
    """Tell whether a job has its complete result, with this recipe, for this request."""
    table = _table_of(job)
    return recipe.get("request") == request and (table is None or table.is_file())


def _table_of(job: BlockJob) -> Path | None:
    return None if job.options.semantic else job.table
