"""Whether corrections can be kept in a folder: found out before anybody has made some."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from napari_nuclei.errors import DatasetError

if TYPE_CHECKING:
    from napari_nuclei.pipeline.projects import Project

_OF_PAIRS = ("images", "labels")


def list_writable(project: Project) -> tuple[str, ...]:
    """Return the names of the pairs of a project that more can be added to.

    Parameters
    ----------
    project : Project
        Its folder may be missing, and is not made. In it, or where it would be made, a folder is
        made for a moment: nothing else tells whether the disk allows it.

    Raises
    ------
    DatasetError
        When the folder holds something else, cannot be made or written, or comes from a later
        version. The sentence says what to choose instead.
    """
    folder = project.folder
    if not folder.is_absolute():
        raise DatasetError(f"{folder}: give the whole path of the project folder.")
    if folder.is_file():
        raise DatasetError(f"{folder} is a file: choose a folder for the project.")
    try:
        is_fit = project.is_own or project.is_empty or _has_pairs(folder)
        with TemporaryDirectory(prefix=".", dir=_nearest(folder)):
            pass
    except OSError as error:
        raise DatasetError(
            f"{folder} cannot be made or written ({error.strerror}): choose another project folder."
        ) from error
    if not is_fit:
        raise DatasetError(
            f"{folder} holds something else than a project: choose an empty folder, or a new one."
        )
    return project.names


def _has_pairs(folder: Path) -> bool:
    """Tell whether somebody may have made pairs in a folder by hand."""
    return {path.name for path in folder.iterdir()}.issuperset(_OF_PAIRS)


def _nearest(folder: Path) -> Path:
    return next(path for path in (folder, *folder.parents) if path.exists())
