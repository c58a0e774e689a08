"""Segment image files into a folder: one after the other, and one that fails stops no other."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_nuclei.errors import InputError, NucleiError
from napari_nuclei.pipeline.datasets.decoding import SUFFIXES, read_image
from napari_nuclei.pipeline.datasets.storage import FolderStore, StoredFile
from napari_nuclei.pipeline.prediction import result_of
from napari_nuclei.pipeline.results import Extras, result_paths, write_results
from napari_nuclei.pipeline.segment import Segmentation, SegmentOptions, segment_steps

if TYPE_CHECKING:
    from napari_nuclei.model.store import Model


@dataclass(frozen=True)
class ImageBatch:
    """Image files, and the folder that their results go to.

    Attributes
    ----------
    images : tuple of Path
        At least one; no two write the same file, and none is overwritten.
    folder : Path
        Made with the first result.
    """

    images: tuple[Path, ...]
    folder: Path


@dataclass(frozen=True)
class Segmented:
    """A file that was segmented.

    Attributes
    ----------
    image : Path
    n_nuclei : int
        1 at most where single nuclei were not asked for.
    nucleus_share : float
        Share of the image's area that is nucleus, 0 to 1.
    diameter_px : float or None
        For which the image was resized, chosen or estimated; None: it was not.
    seconds : float
        Reading and writing included.
    """

    image: Path
    n_nuclei: int
    nucleus_share: float
    diameter_px: float | None
    seconds: float


@dataclass(frozen=True)
class Failed:
    """A file that was not segmented, and why; its labels were not written.

    Attributes
    ----------
    image : Path
    reason : NucleiError or OSError
        The former names the image.
    """

    image: Path
    reason: NucleiError | OSError


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
    """
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file: choose a folder for the results.")
    images = tuple(image for path in inputs for image in _find_images(path, folder))
    _refuse_clashes(images, folder)
    return ImageBatch(images, folder)


def segment_files(
    batch: ImageBatch, model: Model, options: SegmentOptions, extras: Extras
) -> Iterator[Segmented | Failed]:
    """Segment the files one by one, yielding what became of each as soon as it is known.

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
    Segmented or Failed
        In the order of the batch. For one that failed there are no labels, and no half file.
    """
    for image in batch.images:
        outcome: Segmented | Failed
        try:
            outcome = _segment_file(image, batch.folder, model, options, extras)
        except (NucleiError, OSError) as error:
            outcome = Failed(image, error)
        yield outcome


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
    results_there = {file for image in images for file in result_paths(path, image.stem)}
    return sorted(images - results_there)


def _looks_like_image(file: Path) -> bool:
    is_hidden = file.name.startswith(".")
    return file.suffix.lower() in SUFFIXES and not is_hidden and file.is_file()


def _refuse_clashes(images: Sequence[Path], folder: Path) -> None:
    inputs = {image.resolve() for image in images}
    owners: dict[str, Path] = {}
    for image in images:
        results = result_paths(folder, image.stem)
        # Some file systems do not tell A from a, and results may be moved to one of those.
        owner = owners.setdefault(image.stem.casefold(), image)
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


def _segment_file(
    image: Path, folder: Path, model: Model, options: SegmentOptions, extras: Extras
) -> Segmented:
    started = time.perf_counter()
    pixels = read_image(StoredFile(FolderStore(image.parent), image.name))
    found = _segment(image, pixels, model, options)
    write_results(found, pixels, folder, image.stem, extras)
    share = float(np.count_nonzero(found.labels) / found.labels.size)
    seconds = time.perf_counter() - started
    return Segmented(image, int(found.labels.max()), share, found.diameter_px, seconds)


def _segment(
    image: Path, pixels: NDArray[Any], model: Model, options: SegmentOptions
) -> Segmentation:
    try:
        return result_of(segment_steps(pixels, model, options))
    except InputError as error:
        raise InputError(f"{image}: {error}") from error
    except MemoryError as error:
        raise InputError(
            f"{image}: there is not enough memory for an image of shape {pixels.shape}; cut it "
            "into smaller ones."
        ) from error
