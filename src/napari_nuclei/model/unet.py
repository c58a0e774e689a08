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
from math import isfinite
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_nuclei.errors import ModelError
from napari_nuclei.model import layout

if TYPE_CHECKING:
    from collections.abc import Mapping

    import keras
    from numpy.typing import NDArray

    from napari_nuclei.model.layout import Layer

ARCHITECTURE_ID = "mobilenetv2-unet"
ARCHITECTURE_VERSION = 1

STRIDE_PX = 32
"""The deepest feature map is this many times smaller than the input."""

OUTPUTS = ("nucleus", "border", "distance")
"""What each output channel means; all are logits of values between 0 and 1."""

MAX_FILTERS = 1024
"""Widest step of a decoder: with it in every step a network stays below 200 MB."""

# Keras' MobileNetV2 has 0.999: after a short training its statistics lag behind the weights.
_BATCHNORM_MOMENTUM = 0.99


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
    outputs: dict[str, Any] = {}
    x = _encode(image, outputs)
    if config.dropout:
        x = keras.layers.SpatialDropout2D(config.dropout, name="dropout")(x)
    for layer in layout.decoder(config):
        x = _apply(layer, x, outputs)
    return keras.Model(image, x, name=ARCHITECTURE_ID)


def build_encoder() -> keras.Model:
    """Build the encoder alone, from float32 (N, Y, X, 3) in [0, 1] to the deepest features."""
    import keras

    image = keras.Input((None, None, 3), name="image")
    return keras.Model(image, _encode(image, {}), name="mobilenetv2")


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
    check_tensors({name: tuple(v.shape) for name, v in variables.items()}, tensors)
    for name, variable in variables.items():
        variable.assign(tensors[name])


def check_tensors(
    shapes: Mapping[str, tuple[int, ...]], tensors: Mapping[str, NDArray[Any]]
) -> None:
    """Refuse tensors that are not those of a network.

    Parameters
    ----------
    shapes : mapping of str to tuple of int
        Of the network's tensors by name, as `napari_nuclei.model.layout.tensor_shapes`.
    tensors : mapping of str to numpy.ndarray
        By name.

    Raises
    ------
    ModelError
        When a name is missing or left over, or a shape or a value is wrong.
    """
    if shapes.keys() != tensors.keys():
        differing = sorted(shapes.keys() ^ tensors.keys())
        raise ModelError(
            f"The weights belong to another network: {len(differing)} tensors differ, "
            f"{differing[0]} for one."
        )
    for name, shape in shapes.items():
        if tensors[name].shape != shape:
            raise ModelError(
                f"The weights belong to another network: {name} has shape {tensors[name].shape} "
                f"instead of {shape}."
            )
        if not np.isfinite(tensors[name]).all():
            raise ModelError(f"The weights are damaged: {name} holds values that are no numbers.")


def encoder_layers(network: keras.Model) -> list[keras.layers.Layer]:
    """Return the layers of the encoder: all that come before the decoder's first step."""
    return [layer for layer in network.layers if not _in_decoder(layer.name)]


def _in_decoder(name: str) -> bool:
    return name.startswith("up_") or name in {"logits", "dropout"}


def _encode(image: Any, outputs: dict[str, Any]) -> Any:
    """Return the deepest features, and put the output of every layer into `outputs`."""
    import keras

    x = keras.layers.Normalization(
        mean=layout.IMAGENET_MEAN,
        variance=[std**2 for std in layout.IMAGENET_STD],
        name="imagenet_scale",
    )(image)
    for layer in layout.encoder():
        x = _apply(layer, x, outputs)
    return x


def _apply(layer: Layer, x: Any, outputs: dict[str, Any]) -> Any:
    """Return the output of a layer of the table, and put it into `outputs`, too."""
    import keras

    y = _convolve(layer, x)
    if layer.epsilon:
        y = keras.layers.BatchNormalization(
            epsilon=layer.epsilon, momentum=_BATCHNORM_MOMENTUM, name=layer.batchnorm_name
        )(y)
    if layer.ceiling:
        ceiling = layer.ceiling if isfinite(layer.ceiling) else None
        y = keras.layers.ReLU(ceiling, name=f"{layer.stem}_relu")(y)
    if layer.added:
        name = f"{layer.stem.removesuffix('_project')}_add"
        y = keras.layers.Add(name=name)([outputs[layer.added], y])
    if layer.joined:
        name = f"{layer.stem}_skip"
        y = keras.layers.Concatenate(name=name)([y, outputs[layer.joined]])
    outputs[layer.name] = y
    return y


def _convolve(layer: Layer, x: Any) -> Any:
    from keras import layers

    options: dict[str, Any] = {"name": layer.name, "use_bias": layer.has_bias}
    if layer.kind == "transposed":
        # Its only bias is that of the logits, which are full numbers in mixed precision, too.
        dtype = "float32" if layer.has_bias else None
        return layers.Conv2DTranspose(
            layer.filters, layer.kernel_px, layer.stride, "same", dtype=dtype, **options
        )(x)
    options["padding"] = "same"
    if layer.stride > 1:
        # Keras would pad on two sides only.
        x = layers.ZeroPadding2D(layer.kernel_px // 2, name=f"{layer.name}_pad")(x)
        options["padding"] = "valid"
    if layer.kind == "depthwise":
        return layers.DepthwiseConv2D(layer.kernel_px, layer.stride, **options)(x)
    return layers.Conv2D(layer.filters, layer.kernel_px, layer.stride, **options)(x)
