"""Tiles in, maps out: what the pipeline needs to know of a network."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

if TYPE_CHECKING:
    import keras

# Two widgets may share one network, and Keras does not promise to be safe in threads.
_ONE_AT_A_TIME = Lock()


class Predictor(Protocol):
    """Turns a batch of tiles into maps."""

    def predict(self, tiles: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return maps of shape (N, T, T, 3) in [0, 1] for tiles of shape (N, T, T, 3)."""
        ...


class KerasPredictor:
    """Predicts with a Keras network, always in batches of one size.

    Parameters
    ----------
    network : keras.Model
        As `napari_nuclei.model.unet.build` makes it.
    batch_size : int
        A shorter batch is filled up: a graph is compiled for each shape it meets.
    """

    def __init__(self, network: keras.Model, batch_size: int) -> None:
        self._network = network
        self._batch_size = batch_size

    def predict(self, tiles: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return maps of shape (N, T, T, 3) in [0, 1], for at most `batch_size` tiles."""
        count = len(tiles)
        batch = np.zeros((self._batch_size, *tiles.shape[1:]), np.float32)
        batch[:count] = tiles
        with _ONE_AT_A_TIME:
            logits = self._network.predict_on_batch(batch)
        maps: NDArray[np.float32] = expit(np.asarray(logits)[:count])
        return maps
