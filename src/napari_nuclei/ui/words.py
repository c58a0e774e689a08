"""What a run will do and what it found, in a line for a person."""

from __future__ import annotations

import os
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING

from napari_nuclei.pipeline.resources import duration_in_words
from napari_nuclei.pipeline.summary import count_in_words
from napari_nuclei.ui.planes import Planes, Scope

if TYPE_CHECKING:
    from napari_nuclei.pipeline.blocks import BlockSegmentation
    from napari_nuclei.pipeline.segment import Segmentation
    from napari_nuclei.pipeline.stack import StackSegmentation

_LONG_S = 10


def breakable(path: Path) -> str:
    """Return a path that a narrow label can break at each folder."""
    return str(path).replace(os.sep, f"{os.sep}\N{ZERO WIDTH SPACE}")


def counted(count: int, thing: str) -> str:
    """Return "1 image", "2 images" and so on."""
    return f"1 {thing}" if count == 1 else f"{count} {thing}s"


def describe_task(planes: Planes, scope: Scope, seconds: float) -> str:
    """Return which pixels will be segmented, and how long it will take if that is long."""
    height, width = planes.shape
    where = f" ({planes.place})" if planes.place else ""
    subject = {
        Scope.PLANE: f"The plane shown is segmented{where}: " if where else "",
        Scope.ALL: f"All {prod(planes.counts)} planes are segmented: ",
        Scope.VIEW: f"What is in view is segmented{where}: ",
        Scope.SHAPES: f"The inside of the selected shapes is segmented{where}: ",
    }[scope]
    time = f", {duration_in_words(seconds)}" if seconds >= _LONG_S else ""
    return f"{subject}{width} x {height} px{time}"


def describe_added(before: int, after: int) -> str:
    """Return how many epochs a training that went on has added, as the begin of a line.

    It is empty for a training that did not go on: with no epochs before.
    """
    if not before:
        return ""
    if after == before:
        return f"No epoch was added to {before}: more training gains nothing. "
    added = after - before
    return f"{counted(added, 'epoch')} {'was' if added == 1 else 'were'} added to {before}. "


def describe_stopped(before: int, after: int) -> str:
    """Return what a training that was stopped leaves: its epochs, those of earlier sessions too."""
    if not after:
        return "Stopped before anything was learnt."
    if after == before:
        return "Stopped before another epoch was done: what was learnt before is still there."
    return f"Stopped after {counted(after, 'epoch')}: Resume goes on from there."


def describe_result(
    found: Segmentation | StackSegmentation | BlockSegmentation,
    pixel_size_um: float | None,
    *,
    is_estimated: bool,
) -> str:
    """Return how many nuclei were found, and the diameter: the estimated or the given one."""
    if found.recipe["options"]["semantic"]:
        return "One mask of all nuclei"
    nuclei = count_in_words(found.n_nuclei)
    if not found.diameter_px:
        return nuclei
    size_um = f" ({found.diameter_px * pixel_size_um:.1f} µm)" if pixel_size_um else ""
    how = " of about" if is_estimated else ", diameter set to"
    return f"{nuclei}{how} {found.diameter_px:.0f} px{size_um}"
