"""Tiles in, maps out: what the pipeline needs to know of a network."""

from __future__ import annotations

import logging
from threading import Lock
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from napari_nuclei.model import device

if TYPE_CHECKING:
    import keras

# Two widgets may share one network, and Keras does not promise to be safe in threads.
_ONE_AT_A_TIME = Lock()
# How TensorFlow and PyTorch name the error; JAX only says so in the message.
_OUT_OF_MEMORY = {"ResourceExhaustedError", "OutOfMemoryError"}

_log = logging.getLogger(__name__)


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


class GpuPredictor:
    """Predicts on the graphics card: in smaller batches if its memory is short, or else without it.

    Parameters
    ----------
    network : keras.Model
        As `napari_nuclei.model.unet.build` makes it.
    batch_size : int
        Tiles that go through the network together at first.
    without : Predictor
        What predicts where the card cannot even take a single tile.
    """

    def __init__(self, network: keras.Model, batch_size: int, without: Predictor) -> None:
        self._network = network
        self._batch_size = batch_size
        self._without = without
        self._shrinking = Lock()

    def predict(self, tiles: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return maps of shape (N, T, T, 3) in [0, 1] for tiles of shape (N, T, T, 3)."""
        # Blocks are predicted in several threads: each tries the size that it has read.
        while size := self._batch_size:
            try:
                return self._predict_on_card(tiles, size)
            except Exception as error:
                if not _is_out_of_memory(error):
                    raise
                with self._shrinking:
                    self._batch_size = min(self._batch_size, size // 2)
                _log.warning("Short of graphics memory: batches of %d tiles.", self._batch_size)
        device.give_up_gpu()
        return self._without.predict(tiles)

    def _predict_on_card(self, tiles: NDArray[np.float32], size: int) -> NDArray[np.float32]:
        predictor = KerasPredictor(self._network, size)
        parts = (tiles[start : start + size] for start in range(0, len(tiles), size))
        return np.concatenate([predictor.predict(part) for part in parts])


def _is_out_of_memory(error: Exception) -> bool:
    return type(error).__name__ in _OUT_OF_MEMORY or "RESOURCE_EXHAUSTED" in str(error)
