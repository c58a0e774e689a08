from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from napari_nuclei.model import device
from napari_nuclei.model.predictor import GpuPredictor, KerasPredictor


class FakeNetwork:
    """Returns the tiles themselves as logits, and remembers the batches it saw."""

    def __init__(self) -> None:
        self.batches: list[NDArray[np.float32]] = []

    def predict_on_batch(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        self.batches.append(batch)
        return batch


class ResourceExhaustedError(Exception):
    """Named as TensorFlow names it."""


class SmallCard(FakeNetwork):
    """Has memory for so many tiles."""

    def __init__(self, tiles: int, error: Exception) -> None:
        super().__init__()
        self._tiles = tiles
        self._error = error

    def predict_on_batch(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        if len(batch) > self._tiles:
            raise self._error
        return super().predict_on_batch(batch)


class OnProcessor:
    def predict(self, tiles: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.full_like(tiles, 0.25)


@pytest.fixture
def gpu_given_up(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    event = threading.Event()
    monkeypatch.setattr(device, "_gpu_given_up", event)
    return event


def _tiles(count: int) -> NDArray[np.float32]:
    return np.random.default_rng(0).normal(size=(count, 4, 4, 3)).astype(np.float32)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_short_batch_is_filled_up(count: int) -> None:
    network = FakeNetwork()
    tiles = _tiles(count)

    maps = KerasPredictor(network, 3).predict(tiles)

    assert maps.shape == (count, 4, 4, 3)
    assert network.batches[0].shape == (3, 4, 4, 3)
    np.testing.assert_array_equal(network.batches[0][:count], tiles)
    assert not network.batches[0][count:].any()


def test_logits_become_probabilities() -> None:
    tiles = np.array([0, 100, -100], np.float32).reshape(1, 1, 1, 3)

    maps = KerasPredictor(FakeNetwork(), 1).predict(tiles)

    assert maps.dtype == np.float32
    np.testing.assert_allclose(maps.ravel(), [0.5, 1, 0], atol=1e-7)


def test_predictors_take_turns_even_with_one_network() -> None:
    is_waiting: list[bool] = []

    class Busy(FakeNetwork):
        def predict_on_batch(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
            second.start()
            second.join(timeout=0.1)
            is_waiting.append(second.is_alive())
            return batch

    second = threading.Thread(target=KerasPredictor(FakeNetwork(), 1).predict, args=[_tiles(1)])
    KerasPredictor(Busy(), 1).predict(_tiles(1))
    second.join()

    assert is_waiting == [True]


def test_a_real_network_gives_a_tile_the_same_maps_in_any_batch(tiny_network: Any) -> None:
    predictor = KerasPredictor(tiny_network, 3)
    tiles = np.random.default_rng(0).random((3, 64, 64, 3), np.float32)

    maps = predictor.predict(tiles)

    assert maps.shape == (3, 64, 64, 3)
    assert maps.min() >= 0
    assert maps.max() <= 1
    np.testing.assert_allclose(predictor.predict(tiles[1:2]), maps[1:2], atol=1e-5)


@pytest.mark.parametrize(
    "error", [ResourceExhaustedError("OOM when allocating"), RuntimeError("RESOURCE_EXHAUSTED: 1")]
)
def test_a_card_short_of_memory_gets_smaller_batches(
    error: Exception, gpu_given_up: threading.Event
) -> None:
    card, tiles = SmallCard(2, error), _tiles(5)
    predictor = GpuPredictor(card, 8, OnProcessor())

    maps = predictor.predict(tiles)

    np.testing.assert_array_equal(maps, KerasPredictor(FakeNetwork(), 5).predict(tiles))
    assert [len(batch) for batch in card.batches] == [2, 2, 2]
    assert not gpu_given_up.is_set()


def test_a_card_that_cannot_take_one_tile_is_left_for_good(gpu_given_up: threading.Event) -> None:
    predictor = GpuPredictor(SmallCard(0, ResourceExhaustedError()), 4, OnProcessor())

    assert (predictor.predict(_tiles(3)) == 0.25).all()
    assert gpu_given_up.is_set()
    assert (predictor.predict(_tiles(1)) == 0.25).all()


def test_another_error_of_a_card_is_no_lack_of_memory(gpu_given_up: threading.Event) -> None:
    predictor = GpuPredictor(SmallCard(0, RuntimeError("broken")), 4, OnProcessor())

    with pytest.raises(RuntimeError, match="broken"):
        predictor.predict(_tiles(1))
    assert not gpu_given_up.is_set()


@pytest.mark.usefixtures("gpu_given_up")
def test_two_threads_that_meet_a_full_card_halve_the_batch_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    both = threading.Barrier(2, timeout=30)
    asked: list[int] = []

    def refuse_at_the_same_time(self: KerasPredictor, tiles: NDArray[np.float32]) -> Any:
        asked.append(self._batch_size)
        if self._batch_size == 2:
            both.wait()
            raise ResourceExhaustedError
        return tiles

    monkeypatch.setattr(KerasPredictor, "predict", refuse_at_the_same_time)
    predictor = GpuPredictor(FakeNetwork(), 2, OnProcessor())
    tiles = _tiles(1)
    with ThreadPoolExecutor(2) as threads:
        maps = list(threads.map(predictor.predict, [tiles, tiles]))
    assert sorted(asked) == [1, 1, 2, 2]
    for each in maps:
        np.testing.assert_array_equal(each, tiles)
