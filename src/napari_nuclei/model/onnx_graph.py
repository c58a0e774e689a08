"""The network as an ONNX graph for inference, written from the table of layers and the weights.

Batch normalisation and the scale of the image are folded into the convolutions. The mean of the
image is not: zeros are padded after it was taken off, and a bias would be wrong at the edges.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_nuclei.model import layout

if TYPE_CHECKING:
    import onnx

    from napari_nuclei.model.layout import Layer
    from napari_nuclei.model.unet import UNetConfig

# Old enough for every runtime that we allow; a newer one changes nothing for these operators.
_OPSET, _IR_VERSION = 17, 8
TILES, LOGITS, MAPS = "tiles", "logits", "maps"
"""Names of the graph's input and its two outputs."""


@dataclass
class _Graph:
    """Nodes and constants so far."""

    nodes: list[onnx.NodeProto] = field(default_factory=list)
    constants: list[onnx.TensorProto] = field(default_factory=list)

    def add(self, operator: str, *inputs: str, output: str = "", **attributes: Any) -> str:
        """Add a node, and return the name of its output."""
        from onnx import helper

        output = output or f"{operator}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, inputs, [output], **attributes))
        return output

    def constant(self, values: Any) -> str:
        """Add a float32 tensor, and return its name."""
        from onnx import numpy_helper

        name = f"constant_{len(self.constants)}"
        array = np.ascontiguousarray(values, np.float32)
        self.constants.append(numpy_helper.from_array(array, name))
        return name


def build(config: UNetConfig, tensors: Mapping[str, NDArray[Any]]) -> bytes:
    """Return the graph of a trained network.

    Parameters
    ----------
    config : UNetConfig
        The one of the network.
    tensors : mapping of str to numpy.ndarray
        By name and of the shapes of `napari_nuclei.model.layout.tensor_shapes`.

    Returns
    -------
    bytes
        An ONNX model. Its input `TILES` is float32 (N, 3, Y, X) in [0, 1] with Y and X multiples of
        32; its outputs are `LOGITS` and `MAPS`, their sigmoid: float32 (N, outputs, Y, X).
    """
    graph = _Graph()
    mean = np.reshape(layout.IMAGENET_MEAN, (1, -1, 1, 1))
    x = graph.add("Sub", TILES, graph.constant(mean))
    outputs: dict[str, str] = {}
    for layer in layout.layers(config):
        x = outputs[layer.name] = _apply(graph, layer, x, outputs, tensors)
    graph.add("Identity", x, output=LOGITS)
    graph.add("Sigmoid", LOGITS, output=MAPS)
    return _serialize(graph, config)


def _apply(
    graph: _Graph,
    layer: Layer,
    x: str,
    outputs: Mapping[str, str],
    tensors: Mapping[str, NDArray[Any]],
) -> str:
    """Add the nodes of a layer; return the name of its output."""
    x = graph.add(*_convolution(graph, layer, x, *_folded(layer, tensors)), **_geometry(layer))
    if layer.ceiling and isfinite(layer.ceiling):
        x = graph.add("Clip", x, graph.constant(0.0), graph.constant(layer.ceiling))
    elif layer.ceiling:
        x = graph.add("Relu", x)
    if layer.added:
        x = graph.add("Add", x, outputs[layer.added])
    if layer.joined:
        x = graph.add("Concat", x, outputs[layer.joined], axis=1)
    return x


def _convolution(
    graph: _Graph, layer: Layer, x: str, kernel: NDArray[Any], bias: NDArray[Any]
) -> tuple[str, str, str, str]:
    """Return the operator and its inputs."""
    operator = "ConvTranspose" if layer.kind == "transposed" else "Conv"
    # Keras ends with the channels that a plain convolution reads and writes, the other way round
    # for transposed ones; ONNX begins with those that it writes, again the other way round.
    order = (2, 3, 0, 1) if layer.kind == "depthwise" else (3, 2, 0, 1)
    return operator, x, graph.constant(kernel.transpose(order)), graph.constant(bias)


def _geometry(layer: Layer) -> dict[str, Any]:
    pad = layer.kernel_px // 2
    return {
        "kernel_shape": [layer.kernel_px] * 2,
        "strides": [layer.stride] * 2,
        # The output of a transposed one is twice as large when the last pixel is cut off.
        "pads": [0, 0, pad, pad] if layer.kind == "transposed" else [pad] * 4,
        "group": layer.channels if layer.kind == "depthwise" else 1,
    }


def _folded(
    layer: Layer, tensors: Mapping[str, NDArray[Any]]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return kernel and bias of a layer that needs no batch normalisation any more."""
    kernel = np.asarray(tensors[f"{layer.name}/kernel"], np.float64)
    bias = np.asarray(tensors.get(f"{layer.name}/bias", np.zeros(layer.filters)), np.float64)
    if layer.name == layout.FIRST:
        kernel = kernel / np.reshape(layout.IMAGENET_STD, (-1, 1))
    if layer.epsilon:
        roles = ("gamma", "beta", "moving_mean", "moving_variance")
        named = (tensors[f"{layer.batchnorm_name}/{role}"] for role in roles)
        gamma, beta, mean, variance = (np.asarray(tensor, np.float64) for tensor in named)
        scale = gamma / np.sqrt(variance + layer.epsilon)
        kernel = kernel * (scale if layer.kind == "full" else scale[:, np.newaxis])
        bias = beta - mean * scale
    return kernel, bias


def _serialize(graph: _Graph, config: UNetConfig) -> bytes:
    from onnx import TensorProto, helper

    def values(name: str, channels: int) -> onnx.ValueInfoProto:
        shape: list[str | int | None] = ["count", channels, "height", "width"]
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)

    inputs, outputs = [values(TILES, 3)], [values(name, config.outputs) for name in (LOGITS, MAPS)]
    proto = helper.make_graph(graph.nodes, "network", inputs, outputs, graph.constants)
    opset = helper.make_opsetid("", _OPSET)
    model = helper.make_model(proto, opset_imports=[opset], ir_version=_IR_VERSION)
    serialized: bytes = model.SerializeToString()
    return serialized
