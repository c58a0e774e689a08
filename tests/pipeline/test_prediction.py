from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_nuclei.core.images import prepare
from napari_nuclei.errors import InputError
from napari_nuclei.model import trainer, unet
from napari_nuclei.model.predictor import KerasPredictor
from napari_nuclei.pipeline.prediction import Progress, TileOptions, predict_steps
from napari_nuclei.pipeline.steps import result_of

SMALL = TileOptions(tile_px=32, halo_px=4, batch_size=4)


class PixelwisePredictor:
    """Looks at each pixel alone, so that tiles cannot change what it says."""

    def __init__(self):
        self.batches = []

    def predict(self, tiles):
        self.batches.append(tiles.shape)
        return 1 - tiles**2


def predict_maps(image, predictor, options):
    return result_of(predict_steps(image, predictor, options))


def noise(height, width):
    return np.random.default_rng(0).random((height, width, 3), np.float32)


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 90), st.integers(1, 90), st.integers(0, 15), st.integers(1, 20))
def test_tiles_and_batches_leave_no_trace(height, width, halo_px, batch_size):
    image = noise(height, width)
    predictor = PixelwisePredictor()
    maps = predict_maps(image, predictor, TileOptions(32, halo_px, batch_size))
    assert maps.dtype == np.float32
    np.testing.assert_allclose(maps, 1 - image**2, atol=1e-5)


@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (131, 257), (8000, 16)])
def test_any_shape_with_the_default_tiles(shape):
    image = noise(*shape)
    maps = predict_maps(image, PixelwisePredictor(), TileOptions())
    np.testing.assert_allclose(maps, 1 - image**2, atol=1e-5)


def test_progress_counts_tiles_from_0_to_all():
    predictor = PixelwisePredictor()
    steps = list(predict_steps(noise(70, 70), predictor, SMALL))
    assert steps == [Progress(0, 9), Progress(4, 9), Progress(8, 9), Progress(9, 9)]
    assert predictor.batches == [(4, 32, 32, 3), (4, 32, 32, 3), (1, 32, 32, 3)]


@pytest.mark.parametrize("done", [0, 1, 2])
def test_closing_ends_the_work(done):
    predictor = PixelwisePredictor()
    steps = predict_steps(noise(70, 70), predictor, SMALL)
    for _ in range(done + 1):
        next(steps)
    steps.close()
    assert len(predictor.batches) == done
    assert list(steps) == []


def test_result_is_what_the_generator_returns():
    def steps():
        yield Progress(0, 1)
        yield Progress(1, 1)
        return "maps"

    assert result_of(steps()) == "maps"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tile_px": 0}, "Tiles of 0 px: choose a multiple of 32"),
        ({"tile_px": -32}, "Tiles of -32 px: choose a multiple of 32"),
        ({"tile_px": 100}, "Tiles of 100 px: choose a multiple of 32"),
        ({"batch_size": 0}, "A batch of 0 tiles: choose 1 or more"),
        ({"halo_px": -1}, "Tiles of 128 px cannot have a halo of -1 px"),
        ({"halo_px": 64}, "Tiles of 128 px cannot have a halo of 64 px"),
    ],
)
def test_option_out_of_range_is_named(options, message):
    with pytest.raises(InputError, match=message):
        TileOptions(**options)


@pytest.fixture(scope="module")
def seams(sample):
    """Return a function: how far a real network's maps differ when the tiles lie elsewhere."""
    import keras

    keras.utils.set_random_seed(0)
    network = unet.build(unet.UNetConfig((8, 8, 8, 8)))
    trainer.load_encoder(network)
    predictor = KerasPredictor(network, 8)
    image = prepare(sample[0])[:256, :256]
    shift_px, rim_px = 48, 32

    def measure(halo_px):
        options = TileOptions(halo_px=halo_px, batch_size=8)
        maps = predict_maps(image, predictor, options)[shift_px:, shift_px:]
        shifted = predict_maps(image[shift_px:, shift_px:], predictor, options)
        inner = (slice(rim_px, -rim_px),) * 2
        return np.abs(maps - shifted)[inner].mean() / maps[inner].std()

    return measure


def test_halo_hides_the_seams_of_a_real_network(seams):
    """The network sees farther than any halo, so that small differences remain."""
    with_halo = seams(halo_px=16)
    assert with_halo < 0.1
    assert with_halo < 0.6 * seams(halo_px=0)
