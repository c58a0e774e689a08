"""The network's layers as a table: what Keras trains and what ONNX Runtime runs are made from it.

Each layer takes the output of the one before it, so the table is a chain; sums and joins name the
earlier layers that they need.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from napari_nuclei.model.unet import UNetConfig

Kind = Literal["full", "depthwise", "transposed"]

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
"""Of the encoder's training images; the first layer takes (image - mean) / std."""

FIRST = "Conv1"
"""Name of the layer that takes the image."""

# What the public weights were trained with; Keras' own default in the decoder.
_ENCODER_EPSILON, _DECODER_EPSILON = 1e-5, 1e-3
_FIRST_FILTERS = 32
_COLOURS = 3


@dataclass(frozen=True)
class _Stage:
    """A run of inverted residual blocks: Table 2 of the MobileNetV2 paper."""

    expansion: int
    filters: int
    blocks: int
    stride: int


_STAGES = (
    _Stage(1, 16, 1, 1),
    _Stage(6, 24, 2, 2),
    _Stage(6, 32, 3, 2),
    _Stage(6, 64, 4, 2),
    _Stage(6, 96, 3, 1),
    _Stage(6, 160, 3, 2),
    _Stage(6, 320, 1, 1),
)
_SKIPS = ("block_13_expand", "block_6_expand", "block_3_expand", "block_1_expand")
# The U-Net taps the last projection before its normalisation, which would go unused.
_DEEPEST = "block_16_project"


@dataclass(frozen=True)
class Layer:
    """A convolution and what follows it at once.

    Attributes
    ----------
    name : str
        Of the convolution.
    kind : str
        ``"full"``; ``"depthwise"``, one filter for each channel; ``"transposed"``, which enlarges
        by its stride instead of reducing.
    channels, filters : int
        Of its input and its output.
    kernel_px, stride : int
        A kernel of 3 pads by one pixel on each side; a transposed one cuts the last pixel off.
    epsilon : float or None
        Of the batch normalisation that follows; None: a bias, or nothing, follows instead.
    has_bias : bool
    ceiling : float or None
        Values below 0 and above it are cut off; infinity is a plain ReLU, None is no activation.
    added : str
        Name of the layer whose output is added last; empty if none.
    joined : str
        Name of the layer whose channels are appended last; empty if none.
    """

    name: str
    kind: Kind
    channels: int
    filters: int
    kernel_px: int = 1
    stride: int = 1
    epsilon: float | None = _ENCODER_EPSILON
    has_bias: bool = False
    ceiling: float | None = None
    added: str = ""
    joined: str = ""

    @property
    def stem(self) -> str:
        """What the names of its parts begin with."""
        return self.name.removesuffix("_conv")

    @property
    def batchnorm_name(self) -> str:
        """Name of the batch normalisation that follows."""
        return f"bn_{FIRST}" if self.name == FIRST else f"{self.stem}_BN"

    def tensor_shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the shape of each tensor by its name, ``layer/role``."""
        roles = ("gamma", "beta", "moving_mean", "moving_variance") if self.epsilon else ()
        shapes = {f"{self.batchnorm_name}/{role}": (self.filters,) for role in roles}
        if self.has_bias:
            shapes[f"{self.name}/bias"] = (self.filters,)
        return {f"{self.name}/kernel": self._kernel_shape(), **shapes}

    def multiply_adds(self, height_px: int, width_px: int) -> int:
        """Return those of the convolution alone, for an input of this size."""
        area = height_px * width_px
        if self.kind != "transposed":
            area //= self.stride**2
        inputs = 1 if self.kind == "depthwise" else self.channels
        return area * self.kernel_px**2 * inputs * self.filters

    def _kernel_shape(self) -> tuple[int, int, int, int]:
        side = (self.kernel_px, self.kernel_px)
        if self.kind == "depthwise":
            return (*side, self.channels, 1)
        last = (self.channels, self.filters)
        return (*side, *(last[::-1] if self.kind == "transposed" else last))


def encoder() -> list[Layer]:
    """Return MobileNetV2 from the image to its deepest features."""
    chain = [Layer(FIRST, "full", _COLOURS, _FIRST_FILTERS, 3, 2, ceiling=6.0)]
    index = 0
    for stage in _STAGES:
        for block in range(stage.blocks):
            stride = stage.stride if block == 0 else 1
            chain += _inverted_residual(index, stage, stride, chain[-1])
            index += 1
    return chain


def decoder(config: UNetConfig) -> Iterator[Layer]:
    """Yield the layers that enlarge the deepest features to the logits."""
    encoded = {layer.name: layer for layer in encoder()}
    channels = encoded[_DEEPEST].filters
    for step, (filters, skip) in enumerate(zip(config.decoder_filters, _SKIPS, strict=True), 1):
        yield Layer(
            f"up_{step}_conv",
            "transposed",
            channels,
            filters,
            3,
            2,
            epsilon=_DECODER_EPSILON,
            ceiling=float("inf"),
            joined=skip,
        )
        channels = filters + encoded[skip].filters
    yield Layer("logits", "transposed", channels, config.outputs, 3, 2, epsilon=None, has_bias=True)


def layers(config: UNetConfig) -> list[Layer]:
    """Return the whole network, first layer first."""
    return [*encoder(), *decoder(config)]


def tensor_shapes(config: UNetConfig) -> dict[str, tuple[int, ...]]:
    """Return the shape of each of the network's tensors by name."""
    shapes: dict[str, tuple[int, ...]] = {}
    for layer in layers(config):
        shapes |= layer.tensor_shapes()
    return shapes


def multiply_adds(config: UNetConfig, side_px: int) -> int:
    """Return those of all convolutions for one square tile, whose side is a multiple of 32."""
    total, px = 0, side_px
    for layer in layers(config):
        total += layer.multiply_adds(px, px)
        px = px * layer.stride if layer.kind == "transposed" else px // layer.stride
    return total


def _inverted_residual(index: int, stage: _Stage, stride: int, before: Layer) -> list[Layer]:
    """Expand, filter each channel by itself, project; add the input where the shapes agree."""
    name = f"block_{index}" if index else "expanded_conv"
    inputs, wide = before.filters, before.filters * stage.expansion
    expand = Layer(f"{name}_expand", "full", inputs, wide, ceiling=6.0)
    depthwise = Layer(f"{name}_depthwise", "depthwise", wide, wide, 3, stride, ceiling=6.0)
    project = Layer(
        f"{name}_project",
        "full",
        wide,
        stage.filters,
        epsilon=None if f"{name}_project" == _DEEPEST else _ENCODER_EPSILON,
        added=before.name if stride == 1 and inputs == stage.filters else "",
    )
    return [depthwise, project] if stage.expansion == 1 else [expand, depthwise, project]
