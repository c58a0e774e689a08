"""Cut an image of any size into equal tiles that overlap, and blend their predictions again.

Every tile reaches `halo_px` beyond the part it is responsible for. Where tiles overlap, their
weights are linear ramps that sum to one, so a prediction fades into its neighbour without a seam.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_nuclei.errors import InputError

if TYPE_CHECKING:
    from napari_nuclei.core.resampling import Window


@dataclass(frozen=True)
class Tile:
    """One tile of a grid.

    Attributes
    ----------
    row, column : int
        Place in the grid.
    y_px, x_px : int
        First pixel in the image; the tile may reach beyond the image's far edges.
    """

    row: int
    column: int
    y_px: int
    x_px: int


@dataclass(frozen=True)
class Grid:
    """The tiles that cover an image.

    Attributes
    ----------
    shape : tuple of int
        Height and width of the image in pixels, both at least 1.
    tile_px : int
        Side of a tile.
    halo_px : int
        How far a tile reaches beyond its own part on each side, so that neighbours overlap by twice
        as much; less than half a tile.

    Raises
    ------
    InputError
        When the tile is not larger than twice its halo.
    """

    shape: tuple[int, int]
    tile_px: int = 128
    halo_px: int = 16

    def __post_init__(self) -> None:
        if self.halo_px < 0 or self.tile_px <= 2 * self.halo_px:
            raise InputError(
                f"Tiles of {self.tile_px} px cannot have a halo of {self.halo_px} px: "
                "the halo must be at least 0 and less than half a tile."
            )

    @property
    def step_px(self) -> int:
        """Distance from one tile to the next."""
        return self.tile_px - 2 * self.halo_px

    @property
    def counts(self) -> tuple[int, int]:
        """Rows and columns of tiles."""
        height, width = self.shape
        return self._count(height), self._count(width)

    def __len__(self) -> int:
        rows, columns = self.counts
        return rows * columns

    def __iter__(self) -> Iterator[Tile]:
        rows, columns = self.counts
        for row in range(rows):
            for column in range(columns):
                yield Tile(row, column, row * self.step_px, column * self.step_px)

    def cut(self, image: NDArray[np.float32], tiles: list[Tile]) -> NDArray[np.float32]:
        """Return the tiles' pixels; beyond the image's far edges the image is mirrored.

        Parameters
        ----------
        image : numpy.ndarray
            Shape (Y, X, C), with (Y, X) equal to `shape`.
        tiles : list of Tile
            Any of this grid.

        Returns
        -------
        numpy.ndarray
            Shape (len(tiles), tile_px, tile_px, C), the image's dtype; each channel is contiguous
            in memory, as the network computes.
        """
        side_px = self.tile_px
        channels_first = np.empty((len(tiles), image.shape[2], side_px, side_px), image.dtype)
        batch = np.moveaxis(channels_first, 1, -1)
        for target, tile in zip(batch, tiles, strict=True):
            target[...] = self._cut_one(image, tile)
        return batch

    @cached_property
    def weights(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Blend weights along y and along x, each of shape (tiles, tile_px).

        The weight of a pixel in a tile is the product of both; over all tiles it sums to one.
        """
        height, width = self.shape
        return self._axis_weights(height), self._axis_weights(width)

    def part_around(self, window: Window) -> Window:
        """Return the smallest part of the image that has all tiles of each pixel of a window.

        A grid of that part's shape consists of these tiles: blended there, the window is the same
        as in the whole image.
        """
        rows, columns = (
            self._around(part, length) for part, length in zip(window, self.shape, strict=True)
        )
        return rows, columns

    def _around(self, part: slice, length_px: int) -> slice:
        first = max(0, (part.start - self.tile_px) // self.step_px + 1)
        last = min((part.stop - 1) // self.step_px, self._count(length_px) - 1)
        first = min(first, last)
        start = first * self.step_px
        return slice(start, min(last * self.step_px + self.tile_px, length_px))

    def _count(self, length_px: int) -> int:
        return max(1, -(-(length_px - 2 * self.halo_px) // self.step_px))

    def _cut_one(self, image: NDArray[np.float32], tile: Tile) -> NDArray[np.float32]:
        inside = image[tile.y_px : tile.y_px + self.tile_px, tile.x_px : tile.x_px + self.tile_px]
        missing = [(0, self.tile_px - length) for length in inside.shape[:2]]
        if not np.any(missing):
            return inside
        return np.pad(inside, [*missing, (0, 0)], mode="symmetric")

    def _axis_weights(self, length_px: int) -> NDArray[np.float32]:
        count = self._count(length_px)
        window = _window(self.tile_px, self.halo_px)
        total = np.zeros((count - 1) * self.step_px + self.tile_px)
        for start in range(0, count * self.step_px, self.step_px):
            total[start : start + self.tile_px] += window
        places = np.arange(count)[:, np.newaxis] * self.step_px + np.arange(self.tile_px)
        return np.asarray(window / total[places], np.float32)


class Stitcher:
    """Collects predicted tiles into maps of the image's size.

    Parameters
    ----------
    grid : Grid
    channels : int
        Channels of each prediction.
    """

    def __init__(self, grid: Grid, channels: int) -> None:
        self._grid = grid
        channels_first = np.zeros((channels, *grid.shape), np.float32)
        self.maps: NDArray[np.float32] = np.moveaxis(channels_first, 0, -1)
        """Shape (Y, X, channels), float32, each channel contiguous in memory; complete once every
        tile of the grid was added."""

    def add(self, tiles: list[Tile], predictions: NDArray[np.float32]) -> None:
        """Add predictions of shape (len(tiles), tile_px, tile_px, channels)."""
        along_y, along_x = self._grid.weights
        for tile, prediction in zip(tiles, predictions, strict=True):
            target = self.maps[tile.y_px :, tile.x_px :][: len(prediction), : len(prediction)]
            height, width = target.shape[:2]
            weight = np.outer(along_y[tile.row, :height], along_x[tile.column, :width])
            target += prediction[:height, :width] * weight[..., np.newaxis]


def _window(tile_px: int, halo_px: int) -> NDArray[np.float64]:
    """Return a tile's weight along one axis: ramps over both overlaps, one between them."""
    distance_px = np.minimum(np.arange(tile_px), np.arange(tile_px)[::-1]) + 0.5
    return np.minimum(1.0, distance_px / max(2 * halo_px, 1))
