from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_nuclei.errors import ModelError
from napari_nuclei.model import contents, manifest, unet, weights
from napari_nuclei.model.network import Network

TINY = unet.UNetConfig((8, 8, 8, 8))
Stored = tuple[manifest.Manifest, bytes]


@pytest.fixture(scope="module")
def stored(tiny_model: Path) -> Stored:
    found = contents.read(tiny_model)
    written = manifest.loads(found["manifest.json"], tiny_model)
    return written, found["weights.safetensors"]


def _described(described: manifest.Manifest, tensors: weights.Stored) -> Stored:
    """Return the manifest and the content that fit other tensors: only the probe is the old one."""
    content = weights.encode(tensors)
    fitting = weights.describe(tensors)
    return replace(described, tensors=fitting, weights=weights.identify(content)), content


def test_kernels_are_rounded_and_statistics_are_not(tiny_network: Any) -> None:
    tensors = weights.rounded(Network.of(tiny_network, TINY))

    kinds = {name.split("/")[1]: tensor.dtype.name for name, tensor in tensors.items()}
    assert kinds == {
        "kernel": "float16",
        "bias": "float32",
        "gamma": "float32",
        "beta": "float32",
        "moving_mean": "float32",
        "moving_variance": "float32",
    }
    for name, variable in unet.named_weights(tiny_network).items():
        np.testing.assert_allclose(tensors[name], variable.numpy(), rtol=1e-3, atol=1e-6)


def test_a_description_tells_name_shape_and_dtype() -> None:
    tensors = {"b": np.zeros((2, 3), np.float16), "a": np.zeros(1, np.float32)}

    assert weights.describe(tensors) == (
        manifest.TensorSpec("a", (1,), "float32"),
        manifest.TensorSpec("b", (2, 3), "float16"),
    )


def test_the_network_comes_back_as_it_was_stored(stored: Stored) -> None:
    network = weights.restore(*stored)

    assert weights.probe(network) == pytest.approx(stored[0].probe, abs=1e-3)
    assert weights.encode(weights.rounded(network)) == stored[1]


@settings(deadline=None)
@given(data=st.data())
def test_a_damaged_file_is_refused(data: Any, stored: Stored) -> None:
    described, content = stored
    position = data.draw(st.integers(0, len(content) - 1))
    flipped = bytes([content[position] ^ data.draw(st.integers(1, 255))])
    changed = content[:position] + flipped + content[position + 1 :]

    for damaged in (changed, content[:position], content + b"\0"):
        with pytest.raises(ModelError, match="damaged"):
            weights.restore(described, damaged)


@settings(deadline=None)
@given(data=st.data())
def test_a_damaged_file_with_a_fitting_sha256_is_refused(data: Any, stored: Stored) -> None:
    described, content = stored
    # Of the header: behind it, any bytes are numbers.
    position = data.draw(st.integers(0, 2000))
    flipped = bytes([content[position] ^ data.draw(st.integers(1, 127))])
    changed = content[:position] + flipped + content[position + 1 :]

    with pytest.raises(ModelError):
        weights.restore(replace(described, weights=weights.identify(changed)), changed)


@pytest.mark.parametrize("content", [b"x", b"x" * 100, b"\xff" * 8, (2**62).to_bytes(8, "little")])
def test_what_is_no_safetensors_file_is_refused(content: bytes, stored: Stored) -> None:
    described = replace(stored[0], weights=weights.identify(content))

    with pytest.raises(ModelError, match="not in the safetensors format"):
        weights.restore(described, content)


def test_a_header_of_a_hundred_thousand_tensors_is_not_read(stored: Stored) -> None:
    tensor = b'{"dtype":"F32","shape":[0],"data_offsets":[0,0]}'
    header = b"{" + b",".join(b'"%d":%s' % (number, tensor) for number in range(100_000)) + b"}"
    content = len(header).to_bytes(8, "little") + header
    described = replace(stored[0], weights=weights.identify(content))

    with pytest.raises(ModelError, match="not in the safetensors format"):
        weights.restore(described, content)


def test_tensors_of_another_type_are_refused(stored: Stored) -> None:
    tensors = {"logits/bias": np.zeros(3, np.int32)}

    with pytest.raises(ModelError, match="neither float16 nor float32"):
        weights.restore(*_described(stored[0], tensors))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("block_14_depthwise/kernel", "block_15_depthwise/kernel"),
        ("block_4_project/kernel", "block_5_project/kernel"),
        ("up_4_BN/gamma", "up_4_BN/moving_variance"),
        ("bn_Conv1/beta", "bn_Conv1/moving_mean"),
    ],
)
def test_tensors_that_changed_places_are_noticed(one: str, other: str, stored: Stored) -> None:
    tensors = weights._decode(stored[1])
    swapped = {**tensors, one: tensors[other], other: tensors[one]}

    with pytest.raises(ModelError, match="does not return what it should"):
        weights.restore(*_described(stored[0], swapped))


def test_weights_that_float16_cannot_hold_are_refused(tiny_network: Any) -> None:
    tensors = dict(Network.of(tiny_network, TINY).tensors)
    tensors["logits/kernel"] = np.full_like(tensors["logits/kernel"], 1e6)
    tensors = weights.rounded(Network(TINY, tensors))

    with pytest.raises(ModelError, match="logits/kernel holds values that are no numbers"):
        weights.network_of(TINY, tensors)


def test_a_probe_covers_even_and_odd_pixels_of_all_outputs(tiny_network: Any) -> None:
    values = weights.probe(
        weights.network_of(TINY, weights.rounded(Network.of(tiny_network, TINY)))
    )

    assert len(values) == 5 * 5 * 3
    assert np.std(values) > 0.1


@pytest.mark.parametrize(
    ("actual", "does_agree"),
    [
        ((1.0, -1.0), True),
        ((1.009, -1.009), True),
        ((1.02, -1.0), False),
        ((-1.0, 1.0), False),
        ((float("nan"), -1.0), False),
        ((1.0,), False),
        ((), False),
    ],
)
def test_probes_agree_within_one_percent_of_their_spread(
    actual: tuple[float, ...], does_agree: bool
) -> None:
    assert weights.agrees(actual, (1.0, -1.0)) == does_agree
