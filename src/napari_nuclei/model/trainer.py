"""One network with its optimizer: steps, scores, and a state that can be written and restored."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from napari_nuclei import paths
from napari_nuclei.errors import ModelError
from napari_nuclei.model import losses, unet
from napari_nuclei.model.network import Network

if TYPE_CHECKING:
    import keras
    import numpy as np

    from napari_nuclei.model.unet import UNetConfig

IMAGENET, RANDOM = "imagenet", "random"
"""Encoder weights that ship with the package, and none."""

OPTIMIZER_PREFIX = "optimizer/"
"""How the names of the optimizer's tensors begin, and those of no weights."""

_GRADIENT_NORM = 1.0
_TIMED_STEPS = 2


@dataclass(frozen=True)
class OptimizerOptions:
    """How the weights are changed.

    Attributes
    ----------
    weight_decay : float
        Decay of the convolution kernels, decoupled from the gradient as in AdamW.
    freeze_encoder : bool
        Leave the encoder and its batch normalisation as they are.
    freeze_batchnorm : bool
        Leave the encoder's batch normalisation as it is: its statistics are then those of its
        training on many images, not those of a batch.
    freeze_decoder_batchnorm : bool
        The same for the decoder, once it has been trained.
    """

    weight_decay: float = 1e-4
    freeze_encoder: bool = False
    freeze_batchnorm: bool = False
    freeze_decoder_batchnorm: bool = False


class Trainer:
    """Trains a network batch by batch.

    Parameters
    ----------
    network : keras.Model
        As `napari_nuclei.model.unet.build` makes it.
    config : UNetConfig
        The one that `network` was built from.
    options : OptimizerOptions
    """

    def __init__(self, network: keras.Model, config: UNetConfig, options: OptimizerOptions) -> None:
        import keras

        encoder = {layer.name for layer in unet.encoder_layers(network)}
        for layer in network.layers:
            layer.trainable = not _is_frozen(layer, options, is_encoder=layer.name in encoder)
        optimizer = keras.optimizers.AdamW(
            weight_decay=options.weight_decay, global_clipnorm=_GRADIENT_NORM
        )
        optimizer.exclude_from_weight_decay(var_names=["gamma", "beta", "bias"])
        # XLA makes these convolutions several times slower on a CPU.
        network.compile(optimizer, losses.nuclei_loss, metrics=losses.metrics(), jit_compile=False)
        optimizer.build(network.trainable_variables)
        self.network = network
        self.config = config

    def train(
        self, images: NDArray[np.float32], targets: NDArray[np.float32], learning_rate: float
    ) -> dict[str, float]:
        """Take one step on a batch; return its loss and metrics.

        Parameters
        ----------
        images : numpy.ndarray
            Shape (N, T, T, 3), float32, in [0, 1].
        targets : numpy.ndarray
            Shape (N, T, T, 4), float32, as `napari_nuclei.core.targets.make_targets`.
        learning_rate : float
            Of this step alone.
        """
        self.network.optimizer.learning_rate = learning_rate
        batch = _as_tensors(images, targets)
        return _as_floats(self.network.train_on_batch(*batch, return_dict=True))

    def test(self, images: NDArray[np.float32], targets: NDArray[np.float32]) -> dict[str, float]:
        """Return loss and metrics of a batch."""
        batch = _as_tensors(images, targets)
        return _as_floats(self.network.test_on_batch(*batch, return_dict=True))

    def seconds_per_step(self, images: NDArray[np.float32], targets: NDArray[np.float32]) -> float:
        """Measure how long a step on such a batch takes; the network stays as it is."""
        before = self.weights() | self.optimizer_state()
        self.train(images, targets, 0.0)  # compiles the graph
        started = time.monotonic()
        for _ in range(_TIMED_STEPS):
            self.train(images, targets, 0.0)
        seconds = (time.monotonic() - started) / _TIMED_STEPS
        self.restore(before)
        return seconds

    def snapshot(self) -> Network:
        """Return the network as it is now, to predict with."""
        return Network.of(self.network, self.config)

    def weights(self) -> dict[str, NDArray[np.float32]]:
        """Return the network's tensors by name."""
        return unet.read_weights(unet.named_weights(self.network))

    def optimizer_state(self) -> dict[str, NDArray[Any]]:
        """Return the optimizer's tensors, in its own stable order."""
        return unet.read_weights(self._optimizer_variables())

    def restore(self, tensors: dict[str, NDArray[Any]]) -> None:
        """Put back what `weights` and `optimizer_state` returned.

        Raises
        ------
        ModelError
            When the tensors are those of another network; nothing is changed then.
        """
        variables = unet.named_weights(self.network) | self._optimizer_variables()
        unet.assign_weights(variables, tensors)

    def _optimizer_variables(self) -> dict[str, keras.Variable]:
        variables = self.network.optimizer.variables
        return {f"{OPTIMIZER_PREFIX}{index:04d}": v for index, v in enumerate(variables)}


def set_seed(seed: int) -> None:
    """Make the random weights of networks built from now on the same for the same seed."""
    import keras

    keras.utils.set_random_seed(seed)


def check_encoder_weights(source: str) -> None:
    """Refuse a source of encoder weights that `load_encoder` could not find.

    Raises
    ------
    ModelError
        When it is neither ``"imagenet"`` nor ``"random"`` nor a file.
    """
    if source not in {IMAGENET, RANDOM} and not Path(source).is_file():
        raise ModelError(f"{source}: no such file; choose {IMAGENET}, {RANDOM} or a file.")


def load_encoder(network: keras.Model, source: str = IMAGENET) -> None:
    """Fill the encoder with trained weights, or leave it random.

    Parameters
    ----------
    network : keras.Model
        As `napari_nuclei.model.unet.build` makes it.
    source : str
        ``"imagenet"`` for the weights in the package, ``"random"``, or the path of a safetensors
        file as tools/convert_encoder.py writes it.

    Raises
    ------
    ModelError
        When the file is missing, unreadable, or made for another encoder.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    if source == RANDOM:
        return
    path = paths.imagenet_encoder() if source == IMAGENET else Path(source)
    try:
        tensors = load_file(path)
    except (OSError, LookupError, ValueError, SafetensorError) as error:
        raise ModelError(f"{path}: cannot read the encoder weights ({error}).") from error
    encoder = {layer.name for layer in unet.encoder_layers(network)}
    wanted = unet.named_weights(network)
    wanted = {name: v for name, v in wanted.items() if name.split("/")[0] in encoder}
    unet.assign_weights(wanted, tensors)


def _is_frozen(layer: keras.layers.Layer, options: OptimizerOptions, *, is_encoder: bool) -> bool:
    if is_encoder and options.freeze_encoder:
        return True
    keeps_statistics = options.freeze_batchnorm if is_encoder else options.freeze_decoder_batchnorm
    return keeps_statistics and _is_batchnorm(layer)


def _is_batchnorm(layer: keras.layers.Layer) -> bool:
    import keras

    return isinstance(layer, keras.layers.BatchNormalization)


def _as_tensors(*arrays: NDArray[np.float32]) -> list[Any]:
    """Convert here what Keras converts for TensorFlow, but with PyTorch not for the metrics."""
    from keras import ops

    return [ops.convert_to_tensor(array) for array in arrays]


def _as_floats(logs: dict[str, Any]) -> dict[str, float]:
    return {name: float(value) for name, value in logs.items()}
