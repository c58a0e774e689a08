"""The tensors of a network as bytes, and a probe that tells whether they are where they belong."""

from __future__ import annotations

import functools
import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_nuclei.errors import ModelError
from napari_nuclei.model.contents import WEIGHTS_FILE
from napari_nuclei.model.manifest import Manifest, TensorSpec, WeightsFile
from napari_nuclei.model.network import Network

if TYPE_CHECKING:
    from napari_nuclei.model.unet import UNetConfig

Stored = dict[str, NDArray[np.floating[Any]]]
"""Tensors as they are in the file: float16 or float32, by name."""

_NOT_SAFETENSORS = "not in the safetensors format; get the model again."
# A file begins with the length of its header, which has a hundred bytes a tensor.
_LENGTH_BYTES, _MAX_HEADER_BYTES = 8, 2**20
_PATCH_PX = 64
# No multiple of two: each decoder step has other weights for odd and even pixels.
_PROBE_STEP_PX = 13
_PROBE_DECIMALS = 4
# Root mean square, of the probe's standard deviation. In a trained network, kernels of ten bits, as
# a GPU's TensorFloat-32 has them, make 0.001; 97 of 100 swaps of two tensors make more than this.
_PROBE_TOLERANCE = 0.01


def rounded(network: Network) -> Stored:
    """Return the network's tensors as they are stored: kernels as float16, the rest as float32."""
    tensors = network.tensors
    # What float16 cannot hold becomes infinite, and `Network` refuses that.
    with np.errstate(over="ignore"):
        return {n: t.astype(np.float16) if n.endswith("kernel") else t for n, t in tensors.items()}


def describe(tensors: Stored) -> tuple[TensorSpec, ...]:
    """Return name, shape and dtype of each tensor, by name."""
    return tuple(TensorSpec(n, t.shape, t.dtype.name) for n, t in sorted(tensors.items()))


def encode(tensors: Stored) -> bytes:
    """Return the content of a safetensors file."""
    from safetensors.numpy import save

    return save({name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()})


def identify(content: bytes) -> WeightsFile:
    """Return what a manifest says of a weights file."""
    return WeightsFile(WEIGHTS_FILE, hashlib.sha256(content).hexdigest(), len(content))


def restore(manifest: Manifest, content: bytes) -> Network:
    """Return the network that a manifest describes, with the content of its weights file.

    Raises
    ------
    ModelError
        When the content is not exactly what the manifest describes.
    """
    if identify(content) != manifest.weights:
        raise ModelError("damaged, or not the file that the manifest names; get the model again.")
    tensors = _decode(content)
    if describe(tensors) != manifest.tensors:
        raise ModelError("its tensors are not those of the manifest; get the model again.")
    network = network_of(manifest.config, tensors)
    if not agrees(probe(network), manifest.probe):
        raise ModelError("the network does not return what it should; get the model again.")
    return network


def network_of(config: UNetConfig, tensors: Stored) -> Network:
    """Return a network with stored tensors.

    Raises
    ------
    ModelError
        As `napari_nuclei.model.unet.check_tensors`.
    """
    return Network(config, {name: tensor.astype(np.float32) for name, tensor in tensors.items()})


def probe(network: Network) -> tuple[float, ...]:
    """Return some of the logits for a fixed patch, rounded.

    They change visibly when two tensors change places, and less than `agrees` allows from one
    computer to another.
    """
    values = network.logits(_patch())[0, ::_PROBE_STEP_PX, ::_PROBE_STEP_PX].ravel()
    return tuple(round(float(value), _PROBE_DECIMALS) for value in values)


def agrees(actual: tuple[float, ...], expected: tuple[float, ...]) -> bool:
    """Tell whether two probes come from the same weights."""
    if len(actual) != len(expected):
        return False
    tolerance = _PROBE_TOLERANCE * np.std(expected) + 10.0**-_PROBE_DECIMALS
    difference = np.sqrt(np.mean(np.subtract(actual, expected) ** 2))
    # NaN is not below anything, so it disagrees.
    return bool(difference <= tolerance)


def _decode(content: bytes) -> Stored:
    from safetensors import SafetensorError
    from safetensors.numpy import load

    if int.from_bytes(content[:_LENGTH_BYTES], "little") > _MAX_HEADER_BYTES:
        raise ModelError(_NOT_SAFETENSORS)
    try:
        tensors: Stored = load(content)
    # The library raises KeyError for a dtype that numpy has not.
    except (SafetensorError, LookupError, ValueError) as error:
        raise ModelError(_NOT_SAFETENSORS) from error
    if any(tensor.dtype not in (np.float16, np.float32) for tensor in tensors.values()):
        raise ModelError("holds tensors that are neither float16 nor float32; get the model again.")
    return tensors


@functools.cache
def _patch() -> NDArray[np.float32]:
    """Return (1, 64, 64, 3) in [0, 1): half coarse blocks, half noise, from a documented stream."""
    raw = np.random.PCG64(0).random_raw(_PATCH_PX * _PATCH_PX * 3) / 2.0**64
    noise = raw.reshape(_PATCH_PX, _PATCH_PX, 3)
    blocks = np.kron(noise[:8, :8], np.ones((8, 8, 1)))
    return ((noise + blocks) / 2)[np.newaxis].astype(np.float32)
