"""Which image files are segmented and where the results go, so that none of them is lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from napari_nuclei.errors import InputError
from napari_nuclei.pipeline import summary
from napari_nuclei.pipeline.datasets.decoding import SUFFIXES
from napari_nuclei.pipeline.filenames import UNFINISHED, blockwise_labels, key
from napari_nuclei.pipeline.results import image_of_results, result_paths
from napari_nuclei.pipeline.selection import Selection

SUMMARY_FILE = "summary.csv"


@dataclass(frozen=True)
class ImageBatch:
    """Image files, and the folder that their results go to.

    Attributes
    ----------
    names : mapping of Path to str
        What the names of the results of each image begin with; at least one image. No two write
        the same file, and none is overwritten.
    folder : Path
        Made with the first result.
    has_summary : bool
        Whether `SUMMARY_FILE` is written, too: not for a single file that was named.
    selection : Selection
        What is segmented of each image.
    """

    names: Mapping[Path, str]
    folder: Path
    has_summary: bool = False
    selection: Selection = field(default_factory=Selection)

    @property
    def images(self) -> tuple[Path, ...]:
        """The image files, in the order of the work."""
        return tuple(self.names)


def plan_batch(
    inputs: Sequence[Path], folder: Path, selection: Selection | None = None
) -> ImageBatch:
    """Find the images, and make sure before any work that no result would be lost.

    Parameters
    ----------
    inputs : sequence of Path
        Image files, taken as they are, and folders, of which all files with a known suffix are
        taken, but not those of folders inside them.
    folder : Path
        Where the results go.
    selection : Selection, optional
        What is segmented of each image; by default all of the one plane that it has.

    Raises
    ------
    InputError
        When an input is missing, a folder has no image, the results cannot go to `folder`, or two
        files would be written under one name.

    Notes
    -----
    The results of ``a.png`` are named ``a_labels.tif`` and so on; where another image, such as
    ``a.tif`` or ``a.zarr``, would have the same or has them already, it is named by all of it:
    ``a.png_labels.tif``. An image that has results of either name keeps it, whatever images come
    or go.
    """
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file: choose a folder for the results.")
    # One that is named, and in a folder that is named, is still one.
    images = tuple(dict.fromkeys(image for path in inputs for image in _find_images(path, folder)))
    names = _result_names(images, folder)
    _refuse_clashes(images, names, folder)
    has_summary = len(images) > 1 or any(path.is_dir() for path in inputs)
    if has_summary:
        _refuse_foreign_summary(folder)
    return ImageBatch(names, folder, has_summary, selection or Selection())


def plan_folder(images: Path, folder: Path) -> ImageBatch:
    """Do as `plan_batch` for a folder of images, and refuse a file or nothing in its place."""
    if images.is_file():
        raise InputError(f"{images} is a file: choose the folder that it is in.")
    if not images.exists():
        raise InputError(f"{images} does not exist: choose a folder with images.")
    return plan_batch([images], folder)


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


def _result_names(images: Sequence[Path], folder: Path) -> dict[Path, str]:
    # Results may be moved to another system.
    counts = Counter(key(image.stem) for image in images)
    return {
        image: _result_name(image, folder, is_alone=counts[key(image.stem)] == 1)
        for image in images
    }


def _result_name(image: Path, folder: Path, *, is_alone: bool) -> str:
    short, full = image.stem, image.name
    owner = image_of_results(folder, short)
    if owner == image.name:
        return short
    blockwise = (folder / f"{blockwise_labels(short)}{ending}" for ending in ("", UNFINISHED))
    is_taken = owner or any(path.exists() for path in blockwise)
    if is_taken or not is_alone or image_of_results(folder, full) == image.name:
        return full
    return short


def _refuse_clashes(images: Sequence[Path], names: Mapping[Path, str], folder: Path) -> None:
    inputs = {image.resolve() for image in images}
    owners: dict[str, Path] = {}
    for image in images:
        results = result_paths(folder, names[image])
        owner = owners.setdefault(key(names[image]), image)
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
