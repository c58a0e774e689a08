"""The table of nuclei: where each one is, how large, how round, how bright and how sure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_nuclei.errors import InputError

RGB_CHANNELS = ("red", "green", "blue")
"""Names of the channels of a colour image."""

Table = dict[str, NDArray[Any]]


def measure(
    labels: NDArray[np.integer[Any]],
    probability: NDArray[np.floating[Any]] | None = None,
    image: NDArray[Any] | None = None,
    *,
    channels: Sequence[str] = (),
    axes: Sequence[str] = (),
    pixel_um: float | None = None,
) -> Table:
    """Measure every nucleus of a label image.

    Parameters
    ----------
    labels : ndarray of int, shape (..., Y, X)
        0 is background, each other id one nucleus. In a stack, an id that is in several planes is
        one nucleus and measured in the plane where it is largest.
    probability : ndarray of float, shape of `labels`, optional
        Probability that a pixel belongs to a nucleus, 0..1.
    image : ndarray, shape of `labels`, or with one more axis of channels at the end, optional
        For the mean intensities. Of a stack, only one plane at a time is read, so that whatever has
        a shape and gives a plane for its index will do.
    channels : sequence of str
        Names of the channels; `RGB_CHANNELS` where there are three and no names.
    axes : sequence of str
        Names of the axes before Y and X; ``axis_0``, ... where there are no names.
    pixel_um : float, optional
        Side of a pixel in micrometres: areas and diameters are then in micrometres.

    Returns
    -------
    dict of str to ndarray, shape (n,)
        One row a nucleus, in the order of ids; arrays of length 0 when there is none.

        index : int of the type of `labels`, the id there
        axis_0, ... : int64, only for a stack: the plane that was measured
        y, x : float64, centre in pixels; (0, 0) is the centre of the first pixel
        area_px : int64, number of pixels; or area_um2 : float64
        equivalent_diameter_px : float64, diameter of the circle of that area; or
        equivalent_diameter_um
        eccentricity : float64, of the ellipse with the same second moments; 0 is round, 1 a line
        mean_intensity : float64, or one column a channel: mean_intensity_red, ...
        mean_probability : float64, 0..1
        touches_border : bool, whether the edge of the image cuts the nucleus, so that its area and
        shape are those of a part; in a stack, whether any plane's edge does
        planes, volume_px : int64, only for a stack: in how many planes the nucleus is, and its
        number of pixels in all of them

    Raises
    ------
    InputError
        When the shapes do not belong together.

    Notes
    -----
    The figures are those of `skimage.measure.regionprops_table` (a test compares them), summed over
    all nuclei at once: 20,000 nuclei take about a second instead of nine.
    """
    _check_shapes(labels, probability, image)
    planes = list(np.ndindex(labels.shape[:-2]))
    tables = []
    for place in planes:
        extras = {} if image is None else _intensities(np.asarray(image[place]), channels)
        if probability is not None:
            extras["mean_probability"] = probability[place]
        tables.append(_measure_plane(labels[place], extras))
    axes = axes or [f"axis_{axis}" for axis in range(labels.ndim - 2)]
    table = tables[0] if labels.ndim == 2 else largest_sections(tables, planes, axes)
    return table if pixel_um is None else in_micrometres(table, pixel_um)


def _check_shapes(
    labels: NDArray[Any], probability: NDArray[Any] | None, image: NDArray[Any] | None
) -> None:
    shapes = [] if probability is None else [probability.shape]
    if image is not None:
        shapes.append(image.shape[: labels.ndim] if image.ndim == labels.ndim + 1 else image.shape)
    wrong = next((shape for shape in shapes if shape != labels.shape), None)
    if labels.ndim < 2 or wrong is not None:
        raise InputError(
            f"Labels of shape {labels.shape} and values of shape {wrong} do not belong together: "
            "give arrays (..., Y, X) of the same shape."
        )


def _intensities(pixels: NDArray[Any], channels: Sequence[str]) -> dict[str, NDArray[Any]]:
    """Return the columns of mean intensities and the pixels of each, (Y, X)."""
    if pixels.ndim == 2:
        return {"mean_intensity": pixels}
    n = pixels.shape[-1]
    names = channels or (RGB_CHANNELS if n == len(RGB_CHANNELS) else range(1, n + 1))
    return {f"mean_intensity_{name}": pixels[..., i] for i, name in enumerate(names)}


def _measure_plane(labels: NDArray[Any], extras: dict[str, NDArray[Any]]) -> Table:
    """Measure one plane (Y, X)."""
    # A copy: somebody may be painting.
    labels = np.array(labels)
    y, x = np.nonzero(labels)
    ids = labels[y, x]
    index = np.unique(ids)
    row = np.searchsorted(index, ids)
    area = np.bincount(row)

    def mean(values: NDArray[Any]) -> NDArray[np.float64]:
        return np.bincount(row, weights=values) / area

    centre_y, centre_x = mean(y), mean(x)
    dy, dx = y - centre_y[row], x - centre_x[row]
    return {
        "index": index,
        "y": centre_y,
        "x": centre_x,
        "area_px": area,
        "equivalent_diameter_px": np.sqrt(4 * area / np.pi),
        "eccentricity": _eccentricity(mean(dy * dy), mean(dx * dx), mean(dy * dx)),
        **{name: mean(values[y, x]) for name, values in extras.items()},
        "touches_border": np.isin(index, _border_ids(labels)),
    }


def largest_sections(
    tables: Sequence[Table], planes: Sequence[tuple[int, ...]], axes: Sequence[str]
) -> Table:
    """Join the tables of planes into one with a row for each nucleus.

    Parameters
    ----------
    tables : sequence of dict of str to ndarray
        That of `measure` for each plane; rows with the same index belong to one nucleus.
    planes : sequence of tuple of int
        Which plane each of them is, along each of `axes`.
    axes : sequence of str
        Names of the columns that tell so.

    Returns
    -------
    dict of str to ndarray
        In the order of ids, the row of the plane where the nucleus is largest, the first of them
        when there are several; ``touches_border``, ``planes`` and ``volume_px`` are as `measure`
        gives them for a stack.
    """
    rows = {name: np.concatenate([table[name] for table in tables]) for name in tables[0]}
    places = np.repeat(np.array(planes, np.int64), [len(table["index"]) for table in tables], 0)
    # Among equals the first plane: the sort is stable.
    by_size = np.argsort(-rows["area_px"], kind="stable")
    ids, first, row = np.unique(rows["index"][by_size], return_index=True, return_inverse=True)
    kept = by_size[first]
    where = {name: places[kept, axis] for axis, name in enumerate(axes)}
    table = {name: column[kept] for name, column in rows.items()}

    def total(column: NDArray[Any]) -> NDArray[np.int64]:
        sums = np.bincount(row, weights=column[by_size], minlength=len(ids))
        return sums.astype(np.int64)

    return {"index": table.pop("index"), **where, **table} | {
        "touches_border": total(rows["touches_border"]) > 0,
        "planes": np.bincount(row, minlength=len(ids)),
        "volume_px": total(rows["area_px"]),
    }


def in_micrometres(table: Table, pixel_um: float) -> Table:
    """Replace areas and diameters in pixels by those in micrometres, in the same columns.

    Parameters
    ----------
    table : dict of str to ndarray
        As `measure` or `largest_sections` returns it, without micrometres.
    pixel_um : float
        Side of a pixel in micrometres.
    """
    units = {
        "area_px": ("area_um2", pixel_um**2),
        "equivalent_diameter_px": ("equivalent_diameter_um", pixel_um),
    }
    changed = {}
    for name, column in table.items():
        new_name, factor = units.get(name, (name, None))
        changed[new_name] = column if factor is None else column * factor
    return changed


def _eccentricity(
    yy: NDArray[np.float64], xx: NDArray[np.float64], yx: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the eccentricity of ellipses from their central second moments."""
    middle, spread = (yy + xx) / 2, np.hypot((yy - xx) / 2, yx)
    long, short = middle + spread, middle - spread
    # A single pixel has no extent at all: round.
    roundness: NDArray[np.float64] = np.ones_like(long)
    np.divide(short, long, out=roundness, where=long > 0)
    return np.sqrt(1 - roundness)


def _border_ids(labels: NDArray[np.integer[Any]]) -> NDArray[np.integer[Any]]:
    """Return the ids on the outermost pixels of the image."""
    return np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])
