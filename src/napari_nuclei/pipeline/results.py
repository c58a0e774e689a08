"""A segmentation as files: labels, and on request probability, table and picture."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tifffile
from numpy.typing import NDArray

from napari_nuclei import files
from napari_nuclei.core import images
from napari_nuclei.core.measure import measure
from napari_nuclei.pipeline import figures, tables
from napari_nuclei.pipeline.planes import sampled_planes

if TYPE_CHECKING:
    import numpy as np

    from napari_nuclei.pipeline.segment import Segmentation
    from napari_nuclei.pipeline.stack import StackSegmentation

_LABELS = "_labels.tif"
_PROBABILITY = "_probability.tif"
_TABLE = "_nuclei.csv"
_OVERLAY = "_overlay.png"


@dataclass(frozen=True)
class Extras:
    """What is written beside the labels, ``<stem>_labels.tif`` (int32).

    Attributes
    ----------
    probability : bool
        ``<stem>_probability.tif``: the nucleus probability, float32.
    table : bool
        ``<stem>_nuclei.csv``: one row a nucleus.
    overlay : bool
        ``<stem>_overlay.png``: the outlines of the nuclei over the image; of planes, over the
        middle one.
    pixel_um : float or None
        Side of a pixel in micrometres, for areas and diameters of the table; None: in pixels.
    """

    probability: bool = False
    table: bool = False
    overlay: bool = False
    pixel_um: float | None = None


def result_paths(folder: Path, stem: str) -> tuple[Path, ...]:
    """Return all files that an image of this stem can have as its results, the labels first."""
    endings = (_LABELS, _PROBABILITY, _TABLE, _OVERLAY)
    return tuple(folder / f"{stem}{ending}" for ending in endings)


def write_results(
    found: Segmentation | StackSegmentation,
    pixels: NDArray[Any],
    folder: Path,
    stem: str,
    extras: Extras,
) -> None:
    """Write the labels and what else is wanted: all of it, or nothing.

    Parameters
    ----------
    found : Segmentation or StackSegmentation
        Of `pixels`; of the latter there is a probability only where it was kept.
    pixels : ndarray, (Y, X) or (Y, X, 3), or that of all planes
        The image, for the overlay and the intensities in the table.
    folder : Path
        Made when missing.
    stem : str
        What the files' names begin with; files that are there already are replaced.
    extras : Extras
        What to write besides the labels; what is not wanted and there from an earlier run is
        removed, as it tells of other labels. The labels come last: where they are, the rest is,
        too, of the same request.

    Raises
    ------
    OSError
        When a file cannot be written or removed.
    """
    labels, probability, table, overlay = result_paths(folder, stem)
    writers: dict[Path, files.Writer] = {}
    if extras.probability and found.probability is not None:
        writers[probability] = _tiff_writer(found.probability, found.recipe)
    if extras.table:
        writers[table] = tables.csv_writer([_measured(found, pixels, extras)])
    if extras.overlay:
        writers[overlay] = _png_writer(_overlay(pixels, found.labels))
    writers[labels] = _tiff_writer(found.labels, found.recipe)
    wanted = {probability: extras.probability, table: extras.table, overlay: extras.overlay}
    files.replace_files(writers, removed=[path for path, want in wanted.items() if not want])


def _measured(
    found: Segmentation | StackSegmentation, pixels: NDArray[Any], extras: Extras
) -> tables.Table:
    return measure(
        found.labels, found.probability, pixels, axes=found.names, pixel_um=extras.pixel_um
    )


def _overlay(pixels: NDArray[Any], labels: NDArray[np.int32]) -> NDArray[np.uint8]:
    """Draw the middle plane in the contrast of all: it may be an empty one."""
    counts = labels.shape[:-2]
    middle = tuple(count // 2 for count in counts)
    limits = images.common_limits(pixels[index] for index in sampled_planes(counts))
    return figures.overlay(pixels[middle], labels[middle], limits)


def read_complete_results(
    folder: Path, stem: str, extras: Extras, request: dict[str, Any]
) -> tuple[NDArray[np.int32], dict[str, Any]] | None:
    """Return labels and recipe if `write_results` has written just these files for this request.

    Parameters
    ----------
    folder, stem, extras
        As for `write_results`.
    request : dict
        Compared with the entry ``request`` of the recipe in the labels' file.

    Returns
    -------
    labels, recipe
        None when a file is missing, damaged, of another request, or there and not wanted.
    """
    labels, probability, table, overlay = result_paths(folder, stem)
    wanted = {probability: extras.probability, table: extras.table, overlay: extras.overlay}
    if not labels.is_file() or any(path.is_file() != want for path, want in wanted.items()):
        return None
    try:
        with tifffile.TiffFile(labels) as tiff:
            values, recipe = tiff.asarray(), _recipe_of(tiff)
    # Of whatever kind tifffile chooses: the file is damaged or of another program.
    except Exception:  # noqa: BLE001
        return None
    return (values, recipe) if recipe.get("request") == request else None


def image_of_results(folder: Path, stem: str) -> str | None:
    """Return the name of the image file whose labels are there; None: they are not, or not ours."""
    labels, *_ = result_paths(folder, stem)
    if not labels.is_file():
        return None
    try:
        with tifffile.TiffFile(labels) as tiff:
            return _recipe_of(tiff).get("image")
    # As above.
    except Exception:  # noqa: BLE001
        return None


def _recipe_of(tiff: tifffile.TiffFile) -> dict[str, Any]:
    metadata = tiff.shaped_metadata or ({},)
    recipe: dict[str, Any] = metadata[0].get("recipe", {})
    return recipe


def sha256_of(path: Path) -> str:
    """Return the sha256 of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _tiff_writer(values: NDArray[Any], recipe: dict[str, Any]) -> files.Writer:
    """Return what writes an array with its recipe, which is enough to get the same values again."""

    def write(path: Path) -> None:
        tifffile.imwrite(
            path,
            values,
            photometric="minisblack",
            compression="zlib",
            metadata={"recipe": recipe},
        )

    return write


def _png_writer(picture: NDArray[np.uint8]) -> files.Writer:
    from imageio.v3 import imwrite

    return lambda path: imwrite(path, picture)
