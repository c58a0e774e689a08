from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from napari_nuclei.errors import ModelError
from napari_nuclei.model import trainer, unet

TINY = unet.UNetConfig((8, 8, 8, 8))


@pytest.fixture(scope="module")
def default_network() -> Any:
    return unet.build()


def _parameters(variables: dict[str, Any]) -> int:
    return sum(int(np.prod(variable.shape)) for variable in variables.values())


def test_the_default_network_has_the_parameters_of_the_course_projects(
    default_network: Any,
) -> None:
    assert default_network.count_params() == 6_504_227
    assert _parameters(unet.named_weights(default_network)) == 6_504_227


def test_the_encoder_is_mobilenet_v2_up_to_its_last_projection(default_network: Any) -> None:
    layers = unet.encoder_layers(default_network)

    assert sum(layer.count_params() for layer in layers) == 1_841_984
    assert unet.build_encoder().count_params() == 1_841_984
    assert {"Conv1", "block_16_project"} <= {layer.name for layer in layers}
    assert not any(layer.name.startswith(("up_", "logits")) for layer in layers)


@pytest.mark.parametrize(("height", "width"), [(32, 32), (64, 96)])
def test_the_output_is_as_large_as_the_image(height: int, width: int, tiny_network: Any) -> None:
    logits = tiny_network(np.zeros((2, height, width, 3), np.float32), training=False)

    assert logits.shape == (2, height, width, 3)
    assert np.asarray(logits).dtype == np.float32


def test_weights_have_the_same_names_in_every_build(tiny_network: Any) -> None:
    first = {n: tuple(v.shape) for n, v in unet.named_weights(tiny_network).items()}
    second = {n: tuple(v.shape) for n, v in unet.named_weights(unet.build(TINY)).items()}

    assert first == second
    # A name that occurred twice would have hidden a variable.
    assert len(first) == len(tiny_network.weights)
    assert first["Conv1/kernel"] == (3, 3, 3, 32)
    assert first["logits/kernel"] == (3, 3, 3, 8 + 96)


def test_dropout_adds_no_tensors() -> None:
    network = unet.build(unet.UNetConfig((8, 8, 8, 8), dropout=0.5))

    assert "dropout" in {layer.name for layer in network.layers}
    assert not any(name.startswith("dropout") for name in unet.named_weights(network))
    assert "dropout" not in {layer.name for layer in unet.encoder_layers(network)}


def test_a_configuration_as_json_holds_plain_values() -> None:
    assert unet.UNetConfig((4, 3, 2, 1), outputs=3, dropout=0).to_json() == {
        "decoder_filters": [4, 3, 2, 1],
        "outputs": 3,
        "dropout": 0.0,
    }


def test_the_shipped_encoder_fills_the_encoder_and_nothing_else() -> None:
    network = unet.build(TINY)
    before = {n: v.numpy() for n, v in unet.named_weights(network).items()}

    trainer.load_encoder(network)

    encoder = {layer.name for layer in unet.encoder_layers(network)}
    for name, variable in unet.named_weights(network).items():
        unchanged = np.array_equal(variable.numpy(), before[name])
        assert unchanged != (name.split("/")[0] in encoder), name


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"b/kernel": np.ones(2)}, "1 tensors differ, b/kernel for one"),
        ({"logits/bias": np.ones(4)}, r"logits/bias has shape \(4,\) instead of \(3,\)"),
        ({"logits/bias": np.array([0, np.nan, 0])}, "logits/bias holds values that are no numbers"),
    ],
)
def test_wrong_tensors_change_nothing(
    change: dict[str, Any], reason: str, tiny_network: Any
) -> None:
    variables = unet.named_weights(tiny_network)
    before = {name: variable.numpy() for name, variable in variables.items()}
    tensors = {name: tensor + 1 for name, tensor in before.items()} | change

    with pytest.raises(ModelError, match=reason):
        unet.assign_weights(variables, tensors)

    assert all(np.array_equal(v.numpy(), before[name]) for name, v in variables.items())
