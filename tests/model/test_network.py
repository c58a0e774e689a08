"""The network without Keras: the numbers of Keras' network, in any batch and from any thread."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from napari_nuclei.errors import ModelError
from napari_nuclei.model import network, store, unet
from napari_nuclei.model.network import Network

TINY = unet.UNetConfig((8, 8, 8, 8))


@pytest.fixture(scope="module")
def tiny(tiny_network: Any) -> Network:
    return Network(TINY, unet.read_weights(unet.named_weights(tiny_network)))


def _tiles(count: int, height: int = 64, width: int = 64) -> NDArray[np.float32]:
    return np.random.default_rng(0).random((count, height, width, 3), np.float32)


@pytest.mark.parametrize(("height", "width"), [(32, 32), (64, 64), (96, 32)])
def test_the_logits_are_those_of_keras_up_to_the_edges(
    height: int, width: int, tiny: Network, tiny_network: Any
) -> None:
    tiles = _tiles(2, height, width)

    expected = np.asarray(tiny_network(tiles, training=False))

    np.testing.assert_allclose(tiny.logits(tiles), expected, atol=1e-4 * expected.std())


def test_the_shipped_network_gives_the_maps_of_keras() -> None:
    shipped = store.load_model().network
    tiles = _tiles(1, 128, 128)

    logits = np.asarray(shipped.to_keras()(tiles, training=False))

    np.testing.assert_allclose(shipped.predict(tiles), 1 / (1 + np.exp(-logits)), atol=1e-4)


def test_maps_are_between_0_and_1(tiny: Network) -> None:
    maps = tiny.predict(_tiles(1) * 1000)

    assert (maps.shape, maps.dtype) == ((1, 64, 64, 3), np.float32)
    assert maps.min() >= 0
    assert maps.max() <= 1


def test_a_tile_has_the_same_maps_in_any_batch_and_in_every_run(tiny: Network) -> None:
    tiles = _tiles(5)
    maps = tiny.predict(tiles)

    np.testing.assert_array_equal(tiny.predict(tiles), maps)
    np.testing.assert_array_equal(
        np.concatenate([tiny.predict(t[np.newaxis]) for t in tiles]), maps
    )


def test_threads_may_share_a_network(tiny: Network) -> None:
    tiles = _tiles(2)
    expected = tiny.predict(tiles)

    with ThreadPoolExecutor(4) as threads:
        for maps in threads.map(tiny.predict, [tiles] * 8):
            np.testing.assert_array_equal(maps, expected)


def test_tensors_of_another_configuration_are_refused(tiny: Network) -> None:
    with pytest.raises(ModelError, match="belong to another network"):
        Network(unet.UNetConfig((8, 8, 8, 9)), tiny.tensors)


def test_keras_gets_a_copy_of_the_weights(tiny: Network) -> None:
    before = tiny.tensors["logits/bias"].copy()

    tiny.to_keras().get_layer("logits").bias.assign(before + 1)

    np.testing.assert_array_equal(tiny.tensors["logits/bias"], before)


def test_a_thread_for_each_core_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network.psutil, "cpu_count", lambda logical=True: 8 if logical else 4)
    monkeypatch.setattr(network.psutil.Process, "cpu_affinity", lambda self: [0, 1, 2])
    assert network.threads() == 3

    monkeypatch.setattr(network.psutil.Process, "cpu_affinity", lambda self: list(range(8)))
    assert network.threads() == 4


def test_keras_stays_unloaded(tiny_model: Path) -> None:
    code = (
        "import sys, numpy as np; from napari_nuclei.model.store import load_model; "
        f"load_model({str(tiny_model)!r}).predictor(1).predict(np.zeros((1, 32, 32, 3), 'f4')); "
        "print({'keras', 'tensorflow'} & set(sys.modules))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert result.stdout.decode().strip() == "set()"
    assert result.stderr == b""
