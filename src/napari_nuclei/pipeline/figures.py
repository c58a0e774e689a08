"""Pictures to judge a segmentation by: outlines over the image, truth beside prediction."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_nuclei import files
from napari_nuclei.core import images
from napari_nuclei.errors import InputError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from napari_nuclei.core.images import Limits

# Bright, and far from the blue-purple of stained nuclei and from the white of bright ones.
_COLOURS = np.array([(255, 220, 0), (0, 235, 60), (255, 130, 0), (0, 215, 255)], np.uint8)
_RIM_SHADE = 0.6
_PANEL_PX = 640
_GAP_PX = 8
_TITLE_PX = 28
# So much wider than high, panels come below one another.
_WIDE = 2
_DPI = 100


def overlay(
    image: ArrayLike, labels: NDArray[np.integer[Any]], limits: Limits | None = None
) -> NDArray[np.uint8]:
    """Draw the outline of every nucleus over its image.

    The outline is one pixel wide, within the nucleus, in a colour that depends on the id, so that
    nuclei that touch can be told apart. The background next to it is darkened, without which the
    line would be lost on a white ground.

    Parameters
    ----------
    image : array_like
        Whatever `napari_nuclei.core.images.prepare` takes: shape (Y, X), (Y, X, 3) or (Y, X, 4).
        Its contrast is stretched.
    labels : ndarray of int, shape (Y, X)
        0 is background, each other id one nucleus.
    limits : Limits, optional
        Between which the contrast is stretched; by default the image's own.

    Returns
    -------
    ndarray of uint8, shape (Y, X, 3)

    Raises
    ------
    InputError
        When the image cannot be used or the two shapes differ.
    """
    shown = _display(image, limits)
    _require_same_shape(shown, labels)
    return _draw_outlines(shown, labels)


def draw_triptych(
    image: ArrayLike,
    truth: NDArray[np.integer[Any]],
    predicted: NDArray[np.integer[Any]],
    path: Path,
    *,
    titles: tuple[str, str, str] = ("image", "truth", "prediction"),
) -> None:
    """Write a picture of an image, its true outlines and the predicted ones, side by side.

    Parameters
    ----------
    image, truth, predicted
        As for `overlay`.
    path : Path
        Ends in ``.png``; written atomically.
    titles : tuple of str
        One above each panel.

    Raises
    ------
    InputError
        As `overlay`.
    OSError
        When the file cannot be written.
    """
    shown = _display(image)
    for labels in (truth, predicted):
        _require_same_shape(shown, labels)
    small = _shrink(shown)
    drawn = (_draw_outlines(small, _shrink(labels)) for labels in (truth, predicted))
    figure = _figure([_enlarge(panel) for panel in (small, *drawn)], titles)
    files.replace_file(path, lambda temporary: figure.savefig(temporary, dpi=_DPI))


def _figure(panels: Sequence[NDArray[np.uint8]], titles: Sequence[str]) -> Figure:
    """Place panels of one size, pixel for pixel: thin lines do not survive resampling.

    They are in a row, or one below the other when they are wide.
    """
    # Not pyplot: it has a global state, and would choose a screen's backend inside napari.
    from matplotlib.figure import Figure

    height, width = panels[0].shape[:2]
    is_wide = width > _WIDE * height
    rows, columns = (len(panels), 1) if is_wide else (1, len(panels))
    step_x, step_y = width + _GAP_PX, height + _TITLE_PX
    full_width, full_height = step_x * columns - _GAP_PX, step_y * rows
    figure = Figure(figsize=(full_width / _DPI, full_height / _DPI), dpi=_DPI)
    for place, (panel, title) in enumerate(zip(panels, titles, strict=True)):
        row, column = divmod(place, columns)
        left, bottom = column * step_x / full_width, (rows - 1 - row) * step_y / full_height
        axes = figure.add_axes((left, bottom, width / full_width, height / full_height))
        axes.imshow(panel, aspect="auto", interpolation="nearest")
        axes.set_title(title)
        axes.set_axis_off()
    return figure


def _display(image: ArrayLike, limits: Limits | None = None) -> NDArray[np.uint8]:
    return np.rint(images.prepare(image, limits=limits) * 255).astype(np.uint8)


def _require_same_shape(shown: NDArray[np.uint8], labels: NDArray[np.integer[Any]]) -> None:
    if shown.shape[:2] != labels.shape:
        raise InputError(
            f"An image of {shown.shape[:2]} pixels and labels of shape {labels.shape} do not "
            "belong together: give labels of the same image."
        )


def _draw_outlines(
    colours: NDArray[np.uint8], labels: NDArray[np.integer[Any]]
) -> NDArray[np.uint8]:
    edge = _edges(labels)
    outline, rim = edge & (labels > 0), edge & (labels == 0)
    drawn = colours.copy()
    drawn[rim] = (drawn[rim] * _RIM_SHADE).astype(np.uint8)
    drawn[outline] = _COLOURS[labels[outline] % len(_COLOURS)]
    return drawn


def _edges(labels: NDArray[np.integer[Any]]) -> NDArray[np.bool_]:
    """Mark the pixels on both sides of every change of id between direct neighbours."""
    edge = np.zeros(labels.shape, bool)
    down, right = labels[1:] != labels[:-1], labels[:, 1:] != labels[:, :-1]
    edge[1:] |= down
    edge[:-1] |= down
    edge[:, 1:] |= right
    edge[:, :-1] |= right
    return edge


def _shrink(array: NDArray[Any]) -> NDArray[Any]:
    """Skip pixels of what is larger than a panel; ids survive that."""
    step = -(-max(array.shape[:2]) // _PANEL_PX)
    return array[::step, ::step]


def _enlarge(panel: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Repeat the pixels of what is smaller than a panel."""
    times = _PANEL_PX // max(panel.shape[:2])
    return panel.repeat(times, axis=0).repeat(times, axis=1)
