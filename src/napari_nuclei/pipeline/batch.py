"""Segment image files into a folder: one after the other, and one that fails stops no other."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

import napari_nuclei
from napari_nuclei.errors import InputError, NucleiError
from napari_nuclei.pipeline import summary
from napari_nuclei.pipeline.batch_plan import SUMMARY_FILE
from napari_nuclei.pipeline.planes import array_planes
from napari_nuclei.pipeline.results import (
    Extras,
    read_complete_results,
    sha256_of,
    write_results,
)
from napari_nuclei.pipeline.segment import Segmentation, SegmentOptions, segment_steps
from napari_nuclei.pipeline.stack import segment_planes_steps
from napari_nuclei.pipeline.steps import mapped
from napari_nuclei.pipeline.summary import Failed, Outcome, Segmented

if TYPE_CHECKING:
    from napari_nuclei.model.store import Model
    from napari_nuclei.pipeline.batch_plan import ImageBatch
    from napari_nuclei.pipeline.prediction import Progress
    from napari_nuclei.pipeline.selection import Selection
    from napari_nuclei.pipeline.stack import StackSegmentation


@dataclass(frozen=True)
class BatchProgress:
    """How far a batch is.

    Attributes
    ----------
    done, total : int
        Images.
    image : Path
        The one that is being segmented, or that was finished just now.
    tiles : Progress or None
        How far the image is.
    outcome : Segmented, Failed or None
        What became of the image; None while it is being segmented.
    """

    done: int
    total: int
    image: Path
    tiles: Progress | None = None
    outcome: Outcome | None = None


def batch_steps(
    batch: ImageBatch, model: Model, options: SegmentOptions, extras: Extras
) -> Generator[BatchProgress, None, tuple[Outcome, ...]]:
    """Segment the files one by one, so that a caller can show progress and stop.

    A file whose results are there already, of the same image, model, options and version, is not
    segmented again.

    Parameters
    ----------
    batch : ImageBatch
        As `plan_batch` returns it.
    model : Model
        A loaded model.
    options : SegmentOptions
        The same for every image.
    extras : Extras
        What to write beside the labels.

    Yields
    ------
    BatchProgress
        After each batch of tiles and each image. Closing the generator leaves the files that are
        done, the summary of those, and nothing of the others.

    Returns
    -------
    tuple of Segmented or Failed
        In the order of the batch. One that failed has no new file, and no half one.

    Raises
    ------
    InputError
        After the last image, when the summary could not be written in the end.
    """
    outcomes: list[Outcome] = []
    refused: OSError | None = None
    for done, image in enumerate(batch.images):
        progress = BatchProgress(done, len(batch.images), image)
        yield progress
        outcome = yield from _file_steps(progress, batch, model, options, extras)
        outcomes.append(outcome)
        is_last = done + 1 == len(batch.images)
        if batch.has_summary and (is_last or not outcome.done_before):
            refused = _try_summary(batch, outcomes, options)
        yield replace(progress, done=done + 1, outcome=outcome)
    if refused:
        raise InputError(
            f"{batch.folder / SUMMARY_FILE} cannot be written ({refused.strerror or refused}): "
            "close it elsewhere and run again; the results are there and are not made anew."
        ) from refused
    return tuple(outcomes)


def _try_summary(
    batch: ImageBatch, outcomes: Sequence[Outcome], options: SegmentOptions
) -> OSError | None:
    """Write the summary, or return why not; a spreadsheet that holds it may soon be closed."""
    waiting = batch.images[len(outcomes) :]
    path = batch.folder / SUMMARY_FILE
    try:
        summary.write_summary(path, outcomes, waiting, semantic=options.semantic)
    except OSError as error:
        return error
    return None


def _file_steps(
    progress: BatchProgress,
    batch: ImageBatch,
    model: Model,
    options: SegmentOptions,
    extras: Extras,
) -> Generator[BatchProgress, None, Outcome]:
    image, started = progress.image, time.perf_counter()
    results = batch.folder, batch.names[image]
    try:
        request = _request(image, model, options, extras, batch.selection)
        before = read_complete_results(*results, extras, request)
        if before is not None:
            return _found_before(image, *before)
        pixels = batch.selection.read(image)
        _refuse_single_pixel(image, pixels, batch.selection)
        with _named_errors(image, pixels):
            steps = _steps(pixels, model, options, batch.selection)
            found = yield from mapped(steps, lambda tiles: replace(progress, tiles=tiles))
            origin = {"image": image.name, "request": request}
            found = replace(found, recipe=found.recipe | origin)
            write_results(found, pixels, *results, extras)
    except (NucleiError, OSError) as error:
        return Failed(image, error)
    seconds = time.perf_counter() - started
    return _segmented(image, found.labels, found.diameter_px, seconds)


def _request(
    image: Path, model: Model, options: SegmentOptions, extras: Extras, selection: Selection
) -> dict[str, Any]:
    """Return all that decides the result, as JSON values; equal requests have equal results."""
    return {
        "image_sha256": sha256_of(image),
        "selection": selection.as_json(),
        "model_sha256": model.sha256,
        "options": options.request(model.thresholds),
        "pixel_um": extras.pixel_um,
        "version": napari_nuclei.__version__,
    }


def _found_before(image: Path, labels: NDArray[np.int32], recipe: dict[str, Any]) -> Segmented:
    found = _segmented(image, labels, recipe["options"]["diameter_px"], 0.0)
    return replace(found, done_before=True)


def _segmented(
    image: Path, labels: NDArray[np.int32], diameter_px: float | None, seconds: float
) -> Segmented:
    share = float(np.count_nonzero(labels) / labels.size)
    return Segmented(image, int(labels.max()), share, diameter_px, seconds)


def _refuse_single_pixel(image: Path, pixels: NDArray[Any], selection: Selection) -> None:
    if pixels.shape[len(selection.names) :][:2] == (1, 1):
        raise InputError(f"{image} is a single pixel: there is nothing to segment.")


@contextmanager
def _named_errors(image: Path, pixels: NDArray[Any]) -> Iterator[None]:
    """Let what is wrong with an image tell which one it is."""
    try:
        yield
    except InputError as error:
        raise InputError(f"{image}: {error}") from error
    except MemoryError as error:
        raise InputError(
            f"{image}: there is not enough memory for an image of shape {pixels.shape}; "
            "cut it into smaller ones."
        ) from error


def _steps(
    pixels: NDArray[Any], model: Model, options: SegmentOptions, selection: Selection
) -> Generator[Progress, None, Segmentation | StackSegmentation]:
    if not selection.names:
        return segment_steps(pixels, model, options)
    source = array_planes(pixels, selection.names, rgb=pixels.ndim == len(selection.names) + 3)
    return segment_planes_steps(source, model, options, link_axis=selection.link_axis)
