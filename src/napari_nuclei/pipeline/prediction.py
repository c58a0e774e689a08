"""Prepared image -> network maps, tile by tile."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_nuclei.core.instances import DISTANCE
from napari_nuclei.core.tiling import Grid, Stitcher
from napari_nuclei.errors import InputError
from napari_nuclei.model.unet import STRIDE_PX

if TYPE_CHECKING:
    from napari_nuclei.model.predictor import Predictor

_MAPS = DISTANCE + 1


@dataclass(frozen=True)
class TileOptions:
    """How an image is cut for the network.

    Attributes
    ----------
    tile_px : int
        Side of the tiles; a multiple of 32.
    halo_px : int
        How far a tile overlaps its neighbours on each side; less than half a tile.
    batch_size : int
        Tiles that go through the network together.

    Raises
    ------
    InputError
        When a value is out of its range.
    """

    tile_px: int = 128
    halo_px: int = 16
    batch_size: int = 16

    def __post_init__(self) -> None:
        # Options go into JSON, which takes no number of numpy's.
        for name, value in list(vars(self).items()):
            if isinstance(value, np.generic):
                object.__setattr__(self, name, value.item())
        if self.tile_px < STRIDE_PX or self.tile_px % STRIDE_PX:
            raise InputError(f"Tiles of {self.tile_px} px: choose a multiple of {STRIDE_PX}.")
        if self.batch_size < 1:
            raise InputError(f"A batch of {self.batch_size} tiles: choose 1 or more.")
        Grid((1, 1), self.tile_px, self.halo_px)  # refuses a wrong halo


@dataclass(frozen=True)
class Progress:
    """How many of the image's tiles have been predicted."""

    done: int
    total: int


def predict_steps(
    image: NDArray[np.float32], predictor: Predictor, options: TileOptions
) -> Generator[Progress, None, NDArray[np.float32]]:
    """Predict the maps of a whole image batch by batch, so that a caller can stop.

    Parameters
    ----------
    image : numpy.ndarray
        Shape (Y, X, 3), float32, as `napari_nuclei.core.images.prepare` returns it.
    predictor : Predictor
        What runs the network.
    options : TileOptions
        How the image is cut.

    Yields
    ------
    Progress
        Before the first batch of tiles, and after each.

    Returns
    -------
    numpy.ndarray
        Shape (Y, X, 3), float32: nucleus, border, distance.
    """
    height, width = image.shape[:2]
    grid = Grid((height, width), options.tile_px, options.halo_px)
    stitcher = Stitcher(grid, _MAPS)
    tiles = list(grid)
    yield Progress(0, len(tiles))
    for start in range(0, len(tiles), options.batch_size):
        batch = tiles[start : start + options.batch_size]
        stitcher.add(batch, predictor.predict(grid.cut(image, batch)))
        yield Progress(start + len(batch), len(tiles))
    return stitcher.maps
