"""A trained network on the processor: ONNX Runtime starts in a fraction of TensorFlow's time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import psutil
from numpy.typing import NDArray

from napari_nuclei.model import layout, onnx_graph, unet

if TYPE_CHECKING:
    import keras
    import onnxruntime

    from napari_nuclei.model.unet import UNetConfig

Tensors = dict[str, NDArray[np.float32]]

# Tiles whose feature maps stay in a core's cache.
_PART = 4


@dataclass(frozen=True)
class Network:
    """Configuration and weights of a network, which predicts on the processor.

    Attributes
    ----------
    config : UNetConfig
    tensors : dict of str to numpy.ndarray
        float32, by name; not to be written to.

    Raises
    ------
    ModelError
        When the tensors are not those of the configuration.
    """

    config: UNetConfig
    tensors: Tensors = field(repr=False, compare=False)

    def __post_init__(self) -> None:
        unet.check_tensors(layout.tensor_shapes(self.config), self.tensors)

    @classmethod
    def of(cls, network: keras.Model, config: UNetConfig) -> Network:
        """Return what a Keras network, built from `config`, is now; it may go on learning."""
        return cls(config, unet.read_weights(unet.named_weights(network)))

    def predict(self, tiles: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return maps of shape (N, T, T, 3) in [0, 1] for tiles of shape (N, T, T, 3)."""
        return self._run(onnx_graph.MAPS, tiles)

    def logits(self, tiles: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the maps before their sigmoid."""
        return self._run(onnx_graph.LOGITS, tiles)

    def to_keras(self) -> keras.Model:
        """Return the same network as a new Keras model, which can be trained."""
        network = unet.build(self.config)
        unet.assign_weights(unet.named_weights(network), self.tensors)
        return network

    def _run(self, output: str, tiles: NDArray[np.float32]) -> NDArray[np.float32]:
        # No copy where the channels are contiguous already, as those of cut tiles.
        channels_first = np.ascontiguousarray(np.moveaxis(tiles, -1, 1))
        count = len(tiles)
        parts = np.array_split(channels_first, max(min(count, threads()), -(-count // _PART)))

        def run(part: NDArray[np.float32]) -> NDArray[np.float32]:
            values: NDArray[np.float32] = self._session.run([output], {onnx_graph.TILES: part})[0]
            return values

        return np.moveaxis(np.concatenate(list(self._pool.map(run, parts))), 1, -1)

    @cached_property
    def _pool(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(threads(), "napari-nuclei-network")

    @cached_property
    def _session(self) -> onnxruntime.InferenceSession:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        # Whole tiles for each thread, not a share of each layer: nobody waits for another.
        options.intra_op_num_threads = 1
        options.log_severity_level = 3
        graph = onnx_graph.build(self.config, self.tensors)
        return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


def threads() -> int:
    """Return the number of cores that this process may use, a pair of hyperthreads counted once."""
    cores: int = psutil.cpu_count(logical=False) or 1
    process = psutil.Process()
    # Not on macOS.
    return min(cores, len(process.cpu_affinity())) if hasattr(process, "cpu_affinity") else cores
