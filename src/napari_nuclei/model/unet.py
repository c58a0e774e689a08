"""The network: a U-Net with MobileNetV2 [1]_ as encoder and a decoder that doubles the size.

The encoder follows the layout in which its public ImageNet weights were trained in PyTorch: one
pixel of padding on every side before a stride of two, and 1e-5 inside the batch normalisation.
Keras' own MobileNetV2 pads on two sides only, so those weights would be slightly wrong in it.

References
----------
.. [1] Sandler et al., "MobileNetV2: Inverted Residuals and Linear Bottlenecks", CVPR 2018.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_nuclei.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import keras
    from numpy.typing import NDArray

ARCHITECTURE_ID = "mobilenetv2-unet"
ARCHITECTURE_VERSION = 1

STRIDE_PX = 32
"""The deepest feature map is this many times smaller than the input."""

OUTPUTS = ("nucleus", "border", "distance")
"""What each output channel means; all are logits of values between 0 and 1."""

MAX_FILTERS = 1024
"""Widest step of a decoder: with it in every step a network stays below 200 MB."""

_IMAGENET_MEAN = (0.485, 0.456, 0.406)
_IMAGENET_STD = (0.229, 0.224, 0.225)
_BATCHNORM_EPSILON = 1e-5
# Keras' MobileNetV2 has 0.999: after a short training its statistics lag behind the weights.
_BATCHNORM_MOMENTUM = 0.99


@dataclass(frozen=True)
class _Stage:
    """A run of inverted residual blocks: Table 2 of the MobileNetV2 paper."""

    expansion: int
    filters: int
    blocks: int
    stride: int


_FIRST_FILTERS = 32
_STAGES = (
    _Stage(1, 16, 1, 1),
    _Stage(6, 24, 2, 2),
    _Stage(6, 32, 3, 2),
    _Stage(6, 64, 4, 2),
    _Stage(6, 96, 3, 1),
    _Stage(6, 160, 3, 2),
    _Stage(6, 320, 1, 1),
)
_SKIPS = (
    "block_13_expand_relu",
    "block_6_expand_relu",
    "block_3_expand_relu",
    "block_1_expand_relu",
)
_DEEPEST = "block_16_project"


@dataclass(frozen=True)
class UNetConfig:
    """Everything that decides the network's tensors.

    Attributes
    ----------
    decoder_filters : tuple of int
        Filters of the four decoder steps, deepest first.
    outputs : int
        Channels of the output.
    dropout : float
        Share of the deepest feature maps that are dropped while training.
    """

    decoder_filters: tuple[int, int, int, int] = (512, 256, 128, 64)
    outputs: int = len(OUTPUTS)
    dropout: float = 0.0

    def is_sane(self) -> bool:
        """Tell whether a network of this configuration can be built, trained and stored."""
        return (
            all(1 <= filters <= MAX_FILTERS for filters in self.decoder_filters)
            and self.outputs == len(OUTPUTS)
            and 0 <= self.dropout < 1
        )

    def to_json(self) -> dict[str, Any]:
        """Return the fields as JSON values."""
        return {
            "decoder_filters": list(self.decoder_filters),
            "outputs": self.outputs,
            "dropout": float(self.dropout),
        }


def build(config: UNetConfig | None = None) -> keras.Model:
    """Build the network with random weights.

    Parameters
    ----------
    config : UNetConfig, optional
        The default has 6,504,227 parameters.

    Returns
    -------
    keras.Model
        Takes float32 (N, Y, X, 3) in [0, 1] with Y and X multiples of 32; returns the logits,
        float32 (N, Y, X, outputs).
    """
    import keras

    config = config or UNetConfig()
    image = keras.Input((None, None, 3), name="image")
    features = _encoder(image)
    x = features[_DEEPEST]
    if config.dropout:
        x = keras.layers.SpatialDropout2D(config.dropout, name="dropout")(x)
    for step, (filters, skip) in enumerate(zip(config.decoder_filters, _SKIPS, strict=True), 1):
        x = _upsample(x, filters, f"up_{step}")
        x = keras.layers.Concatenate(name=f"up_{step}_skip")([x, features[skip]])
    logits = keras.layers.Conv2DTranspose(
        config.outputs, 3, strides=2, padding="same", name="logits", dtype="float32"
    )(x)
    return keras.Model(image, logits, name=ARCHITECTURE_ID)


def build_encoder() -> keras.Model:
    """Build the encoder alone, from float32 (N, Y, X, 3) in [0, 1] to the deepest features."""
    import keras

    image = keras.Input((None, None, 3), name="image")
    return keras.Model(image, _encoder(image)[_DEEPEST], name="mobilenetv2")


def named_weights(network: keras.Model) -> dict[str, keras.Variable]:
    """Return every weight under a name that stays the same across builds, as ``layer/role``."""
    return {
        f"{layer.name}/{variable.name}": variable
        for layer in network.layers
        for variable in layer.weights
        if variable.name != "seed_generator_state"
    }


def read_weights(variables: Mapping[str, keras.Variable]) -> dict[str, NDArray[Any]]:
    """Return a copy of the variables' values, under the same names."""
    from keras import ops

    # Not variable.numpy(): with PyTorch it refuses what is being trained, or shares its memory.
    return {name: ops.convert_to_numpy(ops.copy(v)) for name, v in variables.items()}


def assign_weights(
    variables: Mapping[str, keras.Variable], tensors: Mapping[str, NDArray[Any]]
) -> None:
    """Set the variables to the tensors of the same names.

    Raises
    ------
    ModelError
        When a name is missing or left over, or a shape or a value is wrong; nothing is set then.
    """
    if variables.keys() != tensors.keys():
        differing = sorted(variables.keys() ^ tensors.keys())
        raise ModelError(
            f"The weights belong to another network: {len(differing)} tensors differ, "
            f"{differing[0]} for one."
        )
    for name, variable in variables.items():
        if tuple(variable.shape) != tensors[name].shape:
            raise ModelError(
                f"The weights belong to another network: {name} has shape {tensors[name].shape} "
                f"instead of {tuple(variable.shape)}."
            )
        if not np.isfinite(tensors[name]).all():
            raise ModelError(f"The weights are damaged: {name} holds values that are no numbers.")
    for name, variable in variables.items():
        variable.assign(tensors[name])


def encoder_layers(network: keras.Model) -> list[keras.layers.Layer]:
    """Return the layers of the encoder: all that come before the decoder's first step."""
    return [layer for layer in network.layers if not _in_decoder(layer.name)]


def _in_decoder(name: str) -> bool:
    return name.startswith("up_") or name in {"logits", "dropout"}


def _encoder(image: Any) -> dict[str, Any]:
    """Return the feature maps that the decoder needs, by layer name."""
    import keras

    features: dict[str, Any] = {}
    x = keras.layers.Normalization(
        mean=_IMAGENET_MEAN, variance=[std**2 for std in _IMAGENET_STD], name="imagenet_scale"
    )(image)
    x = _convolution(x, _FIRST_FILTERS, 3, 2, "Conv1")
    x = _activate(x, "bn_Conv1", "Conv1_relu")
    index = 0
    for stage in _STAGES:
        for block in range(stage.blocks):
            stride = stage.stride if block == 0 else 1
            x = _inverted_residual(x, stage, stride, index, features)
            index += 1
    return features


def _inverted_residual(
    x: Any, stage: _Stage, stride: int, index: int, features: dict[str, Any]
) -> Any:
    """Expand, filter each channel by itself, project; add the input where the shapes agree."""
    import keras

    name = f"block_{index}" if index else "expanded_conv"
    channels = x.shape[-1]
    y = x
    if stage.expansion > 1:
        y = _convolution(y, channels * stage.expansion, 1, 1, f"{name}_expand")
        y = _activate(y, f"{name}_expand_BN", f"{name}_expand_relu")
        features[f"{name}_expand_relu"] = y
    y = _depthwise(y, stride, f"{name}_depthwise")
    y = _activate(y, f"{name}_depthwise_BN", f"{name}_depthwise_relu")
    y = _convolution(y, stage.filters, 1, 1, f"{name}_project")
    features[f"{name}_project"] = y
    if f"{name}_project" == _DEEPEST:
        # The U-Net taps the last projection before its normalisation, which would go unused.
        return y
    y = _batchnorm(f"{name}_project_BN")(y)
    if stride == 1 and channels == stage.filters:
        return keras.layers.Add(name=f"{name}_add")([x, y])
    return y


def _convolution(x: Any, filters: int, kernel: int, stride: int, name: str) -> Any:
    import keras

    return keras.layers.Conv2D(filters, kernel, stride, padding="valid", use_bias=False, name=name)(
        _pad(x, name) if kernel > 1 else x
    )


def _depthwise(x: Any, stride: int, name: str) -> Any:
    import keras

    padding = "same" if stride == 1 else "valid"
    x = x if stride == 1 else _pad(x, name)
    return keras.layers.DepthwiseConv2D(3, stride, padding=padding, use_bias=False, name=name)(x)


def _pad(x: Any, name: str) -> Any:
    import keras

    return keras.layers.ZeroPadding2D(1, name=f"{name}_pad")(x)


def _activate(x: Any, batchnorm_name: str, relu_name: str) -> Any:
    import keras

    return keras.layers.ReLU(6.0, name=relu_name)(_batchnorm(batchnorm_name)(x))


def _batchnorm(name: str) -> keras.layers.BatchNormalization:
    import keras

    return keras.layers.BatchNormalization(
        epsilon=_BATCHNORM_EPSILON, momentum=_BATCHNORM_MOMENTUM, name=name
    )


def _upsample(x: Any, filters: int, name: str) -> Any:
    import keras

    x = keras.layers.Conv2DTranspose(
        filters, 3, strides=2, padding="same", use_bias=False, name=f"{name}_conv"
    )(x)
    x = keras.layers.BatchNormalization(momentum=_BATCHNORM_MOMENTUM, name=f"{name}_BN")(x)
    return keras.layers.ReLU(name=f"{name}_relu")(x)
