from __future__ import annotations

import json
from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from napari_nuclei.core.diameter import DiameterRange
from napari_nuclei.core.instances import InstanceOptions
from napari_nuclei.core.metrics import score
from napari_nuclei.core.targets import distance_to_edge
from napari_nuclei.errors import InputError
from napari_nuclei.model import store
from napari_nuclei.pipeline.prediction import Progress
from napari_nuclei.pipeline.segment import (
    SegmentOptions,
    relabel,
    segment,
    segment_steps,
)
from napari_nuclei.pipeline.steps import result_of

DIAMETERS = DiameterRange(20, 45)
THRESHOLDS = InstanceOptions(probability=0.5, separation=0.5, min_area_px=12)
SIZES = [(1, 1), (1, 50), (37, 1), (131, 97), (8000, 16)]


@dataclass
class FakeModel:
    """Takes red for the nucleus probability and blue for the distance to the edge."""

    name: str = "fake"
    sha256: str = "0" * 64
    thresholds: InstanceOptions = THRESHOLDS
    diameters: DiameterRange = DIAMETERS
    batches: list[int] = field(default_factory=list)

    def predictor(self, batch_size, chosen="auto"):
        self.batch_size, self.device = batch_size, chosen
        return self

    def predict(self, tiles):
        assert len(tiles) <= self.batch_size
        self.batches.append(len(tiles))
        return tiles * np.array([1, 0, 1], np.float32)


AS_IS = SegmentOptions(diameter_px=None)


def run(image, options=AS_IS, model=None, **kwargs):
    return result_of(segment_steps(image, model or FakeModel(), options, **kwargs))


def discs(radius_px, height=150, width=190):
    """Draw four discs, the last two touching."""
    y, x = np.indices((height, width))
    labels = np.zeros((height, width), int)
    centres = [(40, 40), (40, 100), (110, 60), (110, 60 + 2 * radius_px)]
    for index, (cy, cx) in enumerate(centres, 1):
        labels[(y - cy) ** 2 + (x - cx) ** 2 <= radius_px**2] = index
    return labels


def picture_of(labels):
    """Draw the image in which the fake model sees exactly these nuclei."""
    nucleus = labels > 0
    return np.stack([nucleus, 0 * nucleus, distance_to_edge(labels)], -1)


@pytest.fixture
def truth():
    return discs(radius_px=20)


def assert_same(first, second):
    np.testing.assert_array_equal(first.labels, second.labels)
    np.testing.assert_array_equal(first.probability, second.probability)
    assert first.recipe == second.recipe
    assert first.table.keys() == second.table.keys()
    for name, column in first.table.items():
        np.testing.assert_array_equal(column, second.table[name])


def test_finds_each_nucleus_with_its_row_in_the_table(truth):
    found = run(picture_of(truth))
    assert found.labels.dtype == np.int32
    assert found.labels.max() == 4
    assert score(truth, found.labels).mean_ap == 1
    assert found.table["index"].tolist() == [1, 2, 3, 4]
    assert found.table["area_px"].tolist() == np.bincount(found.labels.ravel())[1:].tolist()
    assert found.maps.shape == (*truth.shape, 3)
    np.testing.assert_array_equal(found.probability, found.maps[..., 0])
    np.testing.assert_allclose(found.probability, truth > 0, atol=1e-5)


@pytest.mark.parametrize("diameter_px", [None, 60, "auto"])
@pytest.mark.parametrize("shape", SIZES, ids=str)
@pytest.mark.parametrize("dtype", ["bool", "uint8", "uint16", "int32", "float32", "float64"])
def test_labels_have_the_size_of_the_image(shape, dtype, diameter_px):
    image = (100 * np.random.default_rng(0).random(shape)).astype(dtype)
    found = run(image, SegmentOptions(diameter_px=diameter_px))
    assert found.labels.shape == found.probability.shape == shape
    assert found.labels.dtype == np.int32
    assert found.probability.dtype == found.maps.dtype == np.float32
    assert found.labels.max() == len(found.table["index"])


def test_alpha_plays_no_part(truth):
    picture = (255 * picture_of(truth)).astype(np.uint8)
    alpha = np.full((*truth.shape, 1), 128, np.uint8)
    assert_same(run(np.concatenate([picture, alpha], -1)), run(picture))


def test_layout_in_memory_plays_no_part(truth):
    picture = picture_of(truth)
    assert_same(run(np.asfortranarray(picture)[::-1]), run(picture[::-1].copy()))


def test_pixels_that_are_no_numbers_are_background(truth):
    picture = picture_of(truth).astype(np.float32)
    picture[:80] = np.nan
    labels = run(picture).labels
    assert labels.max() == 2
    assert not labels[:80].any()


class AllIsNucleus(FakeModel):
    """Takes everything for nucleus, what was not recorded, too."""

    def predict(self, tiles):
        return np.ones_like(super().predict(tiles))


@pytest.mark.parametrize("hole", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("options", [AS_IS, replace(AS_IS, semantic=True)])
def test_no_nucleus_lies_where_nothing_was_recorded(hole, options):
    image = np.full((90, 120), 7.0, np.float32)
    image[10:40, 10:40], image[50:80, 50:80] = 1, hole
    found = run(image, options, AllIsNucleus())
    np.testing.assert_array_equal(found.labels > 0, np.isfinite(image))
    assert not found.maps[50:80, 50:80].any()
    assert not relabel(found, replace(options, probability=0.1), AllIsNucleus()).labels[60, 60]


def test_what_was_not_recorded_looks_like_its_surroundings():
    image = np.full((90, 120), 7.0, np.float32)
    image[10:40, 10:40], image[50:80, 50:80] = 1, np.nan
    seen = []
    model = FakeModel()
    model.predict = lambda tiles: seen.append(tiles[0, 65, 65, 0]) or tiles
    run(image, model=model)
    assert seen == [1]


@pytest.mark.parametrize("value", [0, 200])
@pytest.mark.parametrize("semantic", [False, True])
def test_constant_image_has_no_nuclei(value, semantic):
    found = run(
        np.full((60, 70), value, np.uint8), SegmentOptions(diameter_px="auto", semantic=semantic)
    )
    assert not found.labels.any()
    assert {len(column) for column in found.table.values()} == {0}


def test_unusable_image_is_refused_before_the_network_runs():
    model = FakeModel()
    with pytest.raises(InputError, match=r"\(2, 3, 4, 5\)"):
        run(np.zeros((2, 3, 4, 5)), model=model)
    with pytest.raises(InputError, match=r"\(8, 8, 3\)"):
        run(np.zeros((8, 8, 3)), model=model, rgb=False)
    assert model.batches == []


def test_diameter_brings_nuclei_to_the_size_the_network_knows(truth):
    as_is, scaled = FakeModel(), FakeModel(diameters=DiameterRange(10, 20))
    run(picture_of(truth), model=as_is)
    found = run(picture_of(truth), SegmentOptions(diameter_px=40), scaled)
    assert (sum(as_is.batches), sum(scaled.batches)) == (4, 1)
    assert found.labels.shape == truth.shape
    assert found.labels.max() == 4
    assert score(truth, found.labels).iou > 0.9


def test_diameter_enlarges_small_nuclei():
    truth = discs(radius_px=5)
    model = FakeModel()
    found = run(picture_of(truth), SegmentOptions(diameter_px=10), model)
    assert sum(model.batches) == 3 * 4
    assert score(truth, found.labels).ap50 == 1


@pytest.mark.parametrize("diameter_px", [1, 10_000])
def test_single_pixel_takes_any_diameter(diameter_px):
    assert run(np.ones((1, 1)), SegmentOptions(diameter_px=diameter_px)).labels.tolist() == [[0]]


@pytest.mark.parametrize("diameter_px", [20, 41, 45])
def test_nuclei_of_a_size_that_the_network_knows_are_left_as_they_are(truth, diameter_px):
    found = run(picture_of(truth), SegmentOptions(diameter_px=diameter_px))
    np.testing.assert_array_equal(found.labels, run(picture_of(truth)).labels)


@pytest.mark.parametrize("radius_px", [8, 20, 60])
def test_auto_is_the_diameter_of_the_nuclei(radius_px):
    truth = discs(radius_px, 8 * radius_px + 30, 9 * radius_px + 30)
    found = run(picture_of(truth), SegmentOptions())
    assert found.diameter_px == pytest.approx(2 * radius_px, rel=0.2)
    again = run(picture_of(truth), SegmentOptions(diameter_px=found.diameter_px))
    assert_same(found, again)


def test_auto_takes_an_image_without_nuclei_as_it_is():
    assert run(np.zeros((50, 60)), SegmentOptions()).diameter_px is None


def test_semantic_gives_the_mask(truth):
    found = run(picture_of(truth), SegmentOptions(diameter_px=None, semantic=True))
    np.testing.assert_array_equal(found.labels, truth > 0)
    assert found.labels.dtype == np.int32
    assert found.table["index"].tolist() == [1]


def test_thresholds_are_the_models_unless_chosen():
    image = np.linspace(0, 1, 1000).reshape(20, 50)
    model = FakeModel(thresholds=InstanceOptions(0.8, 0.9, 1))

    def area(**chosen):
        return (
            run(image, SegmentOptions(diameter_px=None, **chosen), model).labels.astype(bool).mean()
        )

    assert area() == pytest.approx(0.2, abs=0.01)
    assert area(probability=0.4) == pytest.approx(0.6, abs=0.01)
    assert area(min_area_px=500) == 0


def test_relabel_equals_a_fresh_run_with_the_same_thresholds(truth):
    model = FakeModel()
    first = run(picture_of(truth), model=model)
    for chosen in (
        {"probability": 0.2, "separation": 0.9},
        {"min_area_px": 2000},
        {"semantic": True},
        {},
    ):
        model.batches.clear()
        # The diameter belongs to the maps, so it stays what it was.
        again = relabel(first, SegmentOptions(diameter_px="auto", **chosen), model)
        assert model.batches == []
        fresh = run(picture_of(truth), SegmentOptions(diameter_px=None, **chosen), model)
        assert_same(again, fresh)


def test_recipe_gives_the_same_labels_again(truth):
    picture = picture_of(truth)
    model = FakeModel(thresholds=InstanceOptions(0.3, 0.7, 5))
    found = run(picture, SegmentOptions(diameter_px=60, halo_px=8), model)
    recipe = json.loads(json.dumps(found.recipe))
    assert recipe == found.recipe
    assert recipe["model"] == {"name": "fake", "sha256": "0" * 64}
    assert recipe["versions"].keys() == {"napari-nuclei", "onnxruntime", "numpy"}
    # Another model, with thresholds of its own: the recipe holds those that were used.
    assert_same(run(picture, SegmentOptions(**recipe["options"]), FakeModel()), found)


@pytest.mark.parametrize("chosen", ["auto", "cpu"])
def test_the_network_runs_on_the_chosen_device(truth, chosen):
    model = FakeModel()
    found = run(picture_of(truth), replace(AS_IS, device=chosen), model)
    assert model.device == found.recipe["options"]["device"] == chosen


def test_the_device_decides_no_result():
    auto, cpu = (SegmentOptions(device=chosen) for chosen in ("auto", "cpu"))
    assert auto.request(THRESHOLDS) == cpu.request(THRESHOLDS)
    assert auto.request(THRESHOLDS)["separation"] == THRESHOLDS.separation


def test_progress_counts_tiles(truth):
    steps = segment_steps(picture_of(truth), FakeModel(), replace(AS_IS, batch_size=3))
    assert list(steps) == [Progress(0, 4), Progress(3, 4), Progress(4, 4)]


@pytest.mark.parametrize("done", [0, 1])
def test_closing_ends_the_work(truth, done):
    model = FakeModel()
    steps = segment_steps(picture_of(truth), model, replace(AS_IS, batch_size=1))
    for _ in range(done + 1):
        next(steps)
    steps.close()
    assert len(model.batches) == done


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"probability": 1.5}, "The probability threshold is 1.5"),
        ({"separation": 0}, "The separation threshold is 0"),
        ({"min_area_px": -1}, "The minimum area is -1"),
        ({"diameter_px": 0}, "A nucleus diameter of 0 px"),
        ({"diameter_px": float("nan")}, "A nucleus diameter of nan px"),
        ({"diameter_px": True}, "A nucleus diameter of True px"),
        ({"diameter_px": 10_001}, "A nucleus diameter of 10001 px"),
        ({"tile_px": 100}, "Tiles of 100 px"),
        ({"halo_px": 64}, "a halo of 64 px"),
        ({"batch_size": 0}, "A batch of 0 tiles"),
        ({"device": "gpu"}, "A device named gpu: choose auto or cpu"),
    ],
)
def test_option_out_of_range_is_named(options, message):
    with pytest.raises(InputError, match=message):
        SegmentOptions(**options)


@pytest.mark.parametrize("wanted", [None, "my model"])
def test_segment_loads_the_model_and_takes_options_by_name(truth, wanted, monkeypatch):
    monkeypatch.setattr(store, "load_model", lambda name: {wanted: FakeModel()}[name])
    found = segment(picture_of(truth), wanted, diameter_px=None, min_area_px=2000)
    assert found.recipe["options"]["min_area_px"] == 2000
    assert found.labels.max() == 0


def test_segment_refuses_a_wrong_option_before_it_loads_the_model(monkeypatch):
    monkeypatch.setattr(store, "load_model", lambda _: pytest.fail("the model was loaded"))
    with pytest.raises(InputError, match="probability"):
        segment(np.ones((2, 2)), probability=2)


def test_a_diameter_that_would_enlarge_the_image_beyond_memory_is_refused():
    image = np.eye(1000, dtype=np.uint8)
    with pytest.raises(InputError, match="enlarged to 20000 x 20000 px: choose a larger diameter"):
        run(image, SegmentOptions(diameter_px=1))


def test_numbers_of_numpy_are_numbers():
    chosen = {"diameter_px": np.int64(25), "min_area_px": np.int64(7), "tile_px": np.int64(64)}
    options = SegmentOptions(**chosen)
    assert json.loads(json.dumps(options.request(THRESHOLDS)))["diameter_px"] == 25
    assert options == SegmentOptions(diameter_px=25, min_area_px=7, tile_px=64)


def test_a_mask_confines_the_nuclei(truth):
    mask = np.zeros(truth.shape, bool)
    mask[:75] = True
    found = run(picture_of(truth), mask=mask).labels
    assert found[:75].any()
    assert not found[75:].any()


@pytest.mark.parametrize("mask", [np.ones((150, 190), np.uint8) * 255, np.ones((1, 190), bool)])
def test_a_mask_of_another_shape_or_type_is_refused(truth, mask):
    model = FakeModel()
    with pytest.raises(InputError, match=r"^A mask of shape .* for an image of \(150, 190\): give"):
        run(picture_of(truth), model=model, mask=mask)
    assert model.batches == []


@pytest.mark.parametrize("chosen", [{"probability": 0.9}, {"min_area_px": 3000}])
def test_the_estimate_does_not_depend_on_the_chosen_thresholds(truth, chosen):
    estimated = run(picture_of(truth), SegmentOptions()).diameter_px
    assert estimated is not None
    assert run(picture_of(truth), SegmentOptions(**chosen)).diameter_px == estimated
