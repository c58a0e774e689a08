"""Segment image files into a folder: one after the other, and one that fails stops no other."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

import napari_nuclei
from napari_nuclei.errors import InputError, NucleiError
from napari_nuclei.pipeline import summary
from napari_nuclei.pipeline.datasets.decoding import SUFFIXES
from napari_nuclei.pipeline.prediction import mapped
from napari_nuclei.pipeline.reading import read_image
from napari_nuclei.pipeline.results import (
    Extras,
    read_complete_results,
    result_paths,
    sha256_of,
    write_results,
)
from napari_nuclei.pipeline.segment import Segmentation, SegmentOptions, segment_steps
from napari_nuclei.pipeline.summary import Failed, Outcome, Segmented

if TYPE_CHECKING:
    from napari_nuclei.model.store import Model
    from napari_nuclei.pipeline.prediction import Progress

SUMMARY_FILE = "summary.csv"


@dataclass(frozen=True)
class ImageBatch:
    """Image files, and the folder that their results go to.

    Attributes
    ----------
    images : tuple of Path
        At least one; no two write the same file, and none is overwritten.
    folder : Path
        Made with the first result.
    has_summary : bool
        Whether `SUMMARY_FILE` is written, too: not for a single file that was named.
    """

    images: tuple[Path, ...]
    folder: Path
    has_summary: bool = False

    @cached_property
    def names(self) -> dict[Path, str]:
        """What the names of the results of each image begin with."""
        return _result_names(self.images)


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


def plan_batch(inputs: Sequence[Path], folder: Path) -> ImageBatch:
    """Find the images, and make sure before any work that no result would be lost.

    Parameters
    ----------
    inputs : sequence of Path
        Image files, taken as they are, and folders, of which all files with a known suffix are
        taken, but not those of folders inside them.
    folder : Path
        Where the results go.

    Raises
    ------
    InputError
        When an input is missing, a folder has no image, the results cannot go to `folder`, or two
        files would be written under one name.

    Notes
    -----
    The results of ``a.png`` are named ``a_labels.tif`` and so on; where another image, such as
    ``a.tif``, would have the same, both are named by all of it: ``a.png_labels.tif``.
    """
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file: choose a folder for the results.")
    images = tuple(image for path in inputs for image in _find_images(path, folder))
    _refuse_clashes(images, folder)
    has_summary = len(images) > 1 or any(path.is_dir() for path in inputs)
    if has_summary:
        _refuse_foreign_summary(folder)
    return ImageBatch(images, folder, has_summary)


def plan_folder(images: Path, folder: Path) -> ImageBatch:
    """Do as `plan_batch` for a folder of images, and refuse a file in its place."""
    if images.is_file():
        raise InputError(f"{images} is a file: choose the folder that it is in.")
    return plan_batch([images], folder)


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
        In the order of the batch. For one that failed there are no labels, and no half file.
    """
    outcomes: list[Outcome] = []
    for done, image in enumerate(batch.images):
        progress = BatchProgress(done, len(batch.images), image)
        yield progress
        outcome = yield from _file_steps(progress, batch, model, options, extras)
        outcomes.append(outcome)
        is_last = done + 1 == len(batch.images)
        if batch.has_summary and (is_last or not outcome.done_before):
            _write_summary(batch, outcomes, options)
        yield replace(progress, done=done + 1, outcome=outcome)
    return tuple(outcomes)


def segment_files(
    batch: ImageBatch, model: Model, options: SegmentOptions, extras: Extras
) -> Iterator[Outcome]:
    """Do as `batch_steps`, yielding what became of each file as soon as it is known."""
    for progress in batch_steps(batch, model, options, extras):
        if progress.outcome is not None:
            yield progress.outcome


def _find_images(path: Path, results: Path) -> list[Path]:
    if not path.exists():
        raise InputError(f"{path} does not exist: give an image file, or a folder with images.")
    if not path.is_dir():
        return [path]
    if path.resolve() == results.resolve():
        raise InputError(
            f"The results cannot go to {path}, where the images are: a second run would segment "
            "them, too; choose another folder."
        )
    images = {file for file in path.iterdir() if _looks_like_image(file)}
    if not images:
        raise InputError(f"{path} has no images ({' '.join(sorted(SUFFIXES))}): choose another.")
    # What was written beside an image when it was given alone is no image of the folder.
    results_there = {
        file
        for image in images
        for name in (image.stem, image.name)
        for file in result_paths(path, name)
    }
    return sorted(images - results_there)


def _looks_like_image(file: Path) -> bool:
    is_hidden = file.name.startswith(".")
    return file.suffix.lower() in SUFFIXES and not is_hidden and file.is_file()


def _result_names(images: Sequence[Path]) -> dict[Path, str]:
    # Some file systems do not tell A from a, and results may be moved to one of those.
    counts = Counter(image.stem.casefold() for image in images)
    return {
        image: image.stem if counts[image.stem.casefold()] == 1 else image.name for image in images
    }


def _refuse_clashes(images: Sequence[Path], folder: Path) -> None:
    inputs = {image.resolve() for image in images}
    owners: dict[str, Path] = {}
    names = _result_names(images)
    for image in images:
        results = result_paths(folder, names[image])
        owner = owners.setdefault(names[image].casefold(), image)
        if owner is not image:
            raise InputError(
                f"{owner} and {image} would both write {results[0]}: rename one, or segment them "
                "into two folders."
            )
        lost = next((result for result in results if result.resolve() in inputs), None)
        if lost:
            raise InputError(
                f"The results of {image} would replace the image {lost}: choose another folder "
                "for the results."
            )


def _refuse_foreign_summary(folder: Path) -> None:
    path = folder / SUMMARY_FILE
    if path.exists() and not summary.is_summary(path):
        raise InputError(
            f"{path} is not from napari-nuclei and would be replaced: rename it, or choose "
            "another folder for the results."
        )


def _write_summary(batch: ImageBatch, outcomes: Sequence[Outcome], options: SegmentOptions) -> None:
    waiting = batch.images[len(outcomes) :]
    path = batch.folder / SUMMARY_FILE
    summary.write_summary(path, outcomes, waiting, semantic=options.semantic)


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
        request = _request(image, model, options, extras)
        before = read_complete_results(*results, extras, request)
        if before is not None:
            return _found_before(image, *before)
        pixels = read_image(image)
        found = yield from _segment_steps(progress, pixels, model, options)
        found = replace(found, recipe={**found.recipe, "request": request})
        write_results(found, pixels, *results, extras)
    except (NucleiError, OSError) as error:
        return Failed(image, error)
    seconds = time.perf_counter() - started
    return _segmented(image, found.labels, found.diameter_px, seconds)


def _request(image: Path, model: Model, options: SegmentOptions, extras: Extras) -> dict[str, Any]:
    """Return all that decides the result, as JSON values; equal requests have equal results."""
    return {
        "image_sha256": sha256_of(image),
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


def _segment_steps(
    progress: BatchProgress, pixels: NDArray[Any], model: Model, options: SegmentOptions
) -> Generator[BatchProgress, None, Segmentation]:
    if pixels.shape[:2] == (1, 1):
        raise InputError(f"{progress.image} is a single pixel: there is nothing to segment.")
    steps = segment_steps(pixels, model, options)
    try:
        return (yield from mapped(steps, lambda tiles: replace(progress, tiles=tiles)))
    except InputError as error:
        raise InputError(f"{progress.image}: {error}") from error
    except MemoryError as error:
        raise InputError(
            f"{progress.image}: there is not enough memory for an image of shape {pixels.shape}; "
            "cut it into smaller ones."
        ) from error
