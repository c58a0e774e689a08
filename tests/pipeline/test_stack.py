"""Planes of a stack: one scale and diameter for all, ids that no two nuclei share, links."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from numpy.typing import NDArray

from napari_nuclei.core.diameter import DiameterRange
from napari_nuclei.core.instances import InstanceOptions
from napari_nuclei.errors import InputError
from napari_nuclei.model import store
from napari_nuclei.pipeline import resources
from napari_nuclei.pipeline.planes import sampled_planes
from napari_nuclei.pipeline.prediction import Progress
from napari_nuclei.pipeline.segment import Segmentation, SegmentOptions, segment_steps
from napari_nuclei.pipeline.stack import (
    StackSegmentation,
    relabel_planes_steps,
    segment_planes,
    segment_planes_steps,
)
from napari_nuclei.pipeline.steps import result_of

AS_IS = SegmentOptions(diameter_px=None)


@dataclass
class FakeModel:
    """Takes a pixel for nucleus, and for central, as surely as it is bright."""

    name: str = "fake"
    sha256: str = "0" * 64
    thresholds: InstanceOptions = field(default_factory=lambda: InstanceOptions(min_area_px=4))
    diameters: DiameterRange = field(default_factory=lambda: DiameterRange(1, 1000))
    batches: list[int] = field(default_factory=list)
    devices: set[str] = field(default_factory=set)

    def predictor(self, batch_size: int, chosen: str = "auto") -> FakeModel:
        self.batch_size = batch_size
        self.devices.add(chosen)
        return self

    def predict(self, tiles: NDArray[np.float32]) -> NDArray[np.float32]:
        assert len(tiles) <= self.batch_size
        self.batches.append(len(tiles))
        return tiles * np.array([1, 0, 1], np.float32)


@dataclass
class Source:
    """Planes of an array, and which of them were read."""

    array: NDArray[Any]
    names: tuple[str, ...] = ("z",)
    rgb: bool = False
    outside: NDArray[np.bool_] | None = None
    indices: list[tuple[int, ...]] = field(default_factory=list)

    @property
    def counts(self) -> tuple[int, ...]:
        return self.array.shape[: len(self.names)]

    @property
    def shape(self) -> tuple[int, int]:
        height, width = self.array.shape[len(self.names) :][:2]
        return height, width

    def read(self, index: tuple[int, ...]) -> NDArray[Any]:
        self.indices.append(index)
        return self.array[index]

    def mask(self) -> NDArray[np.bool_] | None:
        return None if self.outside is None else ~self.outside


def squares(*columns: int, brightness: float = 1.0) -> NDArray[np.float32]:
    """Return a plane, (20, 60), with squares of 8 px that begin at these columns."""
    plane = np.zeros((20, 60), np.float32)
    for column in columns:
        plane[6:14, column : column + 8] = brightness
    return plane


def run(
    source: Source, options: SegmentOptions = AS_IS, model: FakeModel | None = None, **kwargs: Any
) -> Any:
    return result_of(segment_planes_steps(source, model or FakeModel(), options, **kwargs))


def ids_at(labels: NDArray[np.int32], *columns: int) -> list[list[int]]:
    """Return for each plane the ids in the middle of the squares that begin there."""
    return [[int(plane[10, column + 4]) for column in columns] for plane in labels]


def test_ids_of_all_planes_differ() -> None:
    found = run(Source(np.stack([squares(5, 30), squares(), squares(5)])))
    assert found.labels.dtype == np.int32
    assert found.labels.shape == (3, 20, 60)
    assert ids_at(found.labels, 5, 30) == [[1, 2], [0, 0], [3, 0]]
    assert found.table["index"].tolist() == [1, 2, 3]
    assert found.table["z"].tolist() == [0, 0, 2]
    assert found.maps.shape == (3, 20, 60, 3)


def test_linked_nuclei_keep_their_id() -> None:
    planes = [squares(5, 30), squares(6, 45), squares(7, 30)]
    found = run(Source(np.stack(planes)), link_axis=0)
    assert ids_at(found.labels, 6, 30, 45) == [[1, 2, 0], [1, 0, 3], [1, 4, 0]]
    assert found.table["index"].tolist() == [1, 2, 3, 4]
    assert found.table["planes"].tolist() == [3, 1, 1, 1]
    assert found.table["volume_px"][0] == found.table["area_px"][0] * 3
    assert found.recipe["link_axis"] == 0


def test_all_planes_and_the_diameter_are_seen_by_the_chosen_device() -> None:
    model = FakeModel()
    options = SegmentOptions(diameter_px="auto", device="cpu")
    run(Source(np.stack([squares(5), squares(6)])), options, model)
    assert model.devices == {"cpu"}


@pytest.mark.parametrize(
    ("link_axis", "expected"),
    [(None, [[1, 2], [3, 4]]), (0, [[1, 2], [1, 2]]), (1, [[1, 1], [2, 2]])],
)
def test_links_run_along_the_chosen_axis(link_axis: int | None, expected: list[list[int]]) -> None:
    array = np.stack([[squares(5), squares(5)], [squares(5), squares(5)]])
    found = run(Source(array, ("t", "z")), link_axis=link_axis)
    assert found.labels[:, :, 10, 9].tolist() == expected


def test_no_nucleus_lies_where_nothing_was_recorded() -> None:
    planes = np.stack([squares(5, 30), squares(5)])
    planes[0, :, 30:38], planes[1, :, :20] = np.inf, np.nan
    outside = np.zeros((20, 60), bool)
    outside[:, 50:] = True
    model = FakeModel()
    model.predict = np.ones_like
    found = run(Source(planes, outside=outside), model=model)
    assert_array_equal(found.labels > 0, np.isfinite(planes) & ~outside)
    assert not found.maps[~np.isfinite(planes)].any()


def test_a_single_plane_is_segmented_as_an_image() -> None:
    plane = squares(5, 30)
    found = run(Source(plane, ()))
    alone = result_of(segment_steps(plane, FakeModel(), AS_IS))
    assert isinstance(found, Segmentation)
    assert_array_equal(found.labels, alone.labels)
    assert found.recipe == alone.recipe


def test_a_stack_of_one_plane_gives_the_labels_of_the_plane() -> None:
    plane = squares(5, 30) + np.random.default_rng(0).random((20, 60), np.float32) / 4
    alone = result_of(segment_steps(plane, FakeModel(), SegmentOptions()))
    found = run(Source(plane[np.newaxis]), SegmentOptions())
    assert_array_equal(found.labels[0], alone.labels)
    assert found.diameter_px == alone.diameter_px


def test_planes_have_one_scale() -> None:
    found = run(Source(np.stack([squares(5), squares(5, brightness=0.2)])))
    assert ids_at(found.labels, 5) == [[1], [0]]


def test_colour_planes() -> None:
    found = run(Source(np.stack([np.dstack([squares(5)] * 3)] * 2), rgb=True))
    assert ids_at(found.labels, 5) == [[1], [2]]


def test_diameter_is_that_of_a_plane_with_nuclei_for_all() -> None:
    planes = [squares(5, 30), squares(), squares()]
    found = run(Source(np.stack(planes)), SegmentOptions())
    assert found.diameter_px == pytest.approx(9, rel=0.2)
    assert run(Source(np.zeros((2, 20, 60))), SegmentOptions()).diameter_px is None


def test_each_plane_is_read_alone_and_large_stacks_only_in_samples_beforehand() -> None:
    source = Source(np.stack([squares(5)] * 40))
    steps = segment_planes_steps(source, FakeModel(), AS_IS)
    while next(steps).total == 0:
        pass
    assert len(source.indices) == 9
    assert {(0,), (39,)} <= set(source.indices)
    source.indices.clear()
    result_of(steps)
    assert source.indices == [(z,) for z in range(40)]


def test_nothing_is_found_outside_the_mask() -> None:
    outside = np.zeros((20, 60), bool)
    outside[:, 34:] = True
    for source in (
        Source(np.stack([squares(5, 30)] * 2), outside=outside),
        Source(squares(5, 30), (), outside=outside),
    ):
        found = run(source)
        assert not found.labels[..., outside].any()
        assert found.labels[..., ~outside].any(axis=-1).all()
        assert found.table["area_px"].min() < found.table["area_px"].max()


def test_progress_counts_the_tiles_of_all_planes() -> None:
    source = Source(np.zeros((3, 20, 300)))
    steps = segment_planes_steps(source, FakeModel(), replace(AS_IS, batch_size=2))
    counted = [step for step in steps if step.total]
    assert {step.total for step in counted} == {9}
    done = [step.done for step in counted]
    assert done == sorted(done)
    assert set(done) == {0, 2, 3, 5, 6, 8, 9}
    assert counted[-1] == Progress(9, 9)


def test_closing_ends_the_work() -> None:
    model = FakeModel()
    steps = segment_planes_steps(Source(np.stack([squares(5)] * 3)), model, AS_IS)
    while next(steps).done < 1:
        pass
    steps.close()
    assert model.batches == [1]


@pytest.mark.parametrize("link_axis", [None, 0])
@pytest.mark.parametrize("chosen", [{"probability": 0.7}, {"min_area_px": 90}, {"semantic": True}])
def test_relabelling_equals_a_fresh_run(chosen: dict[str, Any], link_axis: int | None) -> None:
    array = np.stack([squares(5, 30), squares(6, brightness=0.6), squares(7, 30)])
    model = FakeModel()
    first = run(Source(array), model=model, link_axis=link_axis)
    model.batches.clear()
    options = SegmentOptions(**chosen)
    again = result_of(relabel_planes_steps(first, options, model))
    assert model.batches == []
    fresh = run(Source(array), replace(options, diameter_px=None), link_axis=link_axis)
    assert_array_equal(again.labels, fresh.labels)
    assert again.recipe == fresh.recipe
    for name, column in fresh.table.items():
        assert_array_equal(again.table[name], column)


def test_semantic_planes_have_one_mask() -> None:
    found = run(Source(np.stack([squares(5, 30)] * 2)), replace(AS_IS, semantic=True), link_axis=0)
    assert_array_equal(np.unique(found.labels), [0, 1])
    assert found.table["index"].tolist() == [1]


def test_maps_of_large_stacks_are_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    array = np.stack([squares(5)] * 2)
    monkeypatch.setattr(resources, "MAX_KEPT_MAPS_BYTES", array.size * 12 - 1)
    found = run(Source(array))
    assert found.maps is None
    assert found.labels.max() == 2
    with pytest.raises(InputError, match="segment them again"):
        result_of(relabel_planes_steps(found, AS_IS, FakeModel()))


def test_what_does_not_fit_into_memory_is_refused_before_the_network_runs() -> None:
    class Endless(Source):
        counts = (10**9,)

        def read(self, index: tuple[int, ...]) -> NDArray[Any]:
            return squares(5)

    model = FakeModel()
    with pytest.raises(InputError, match=r"of memory and .* are free: choose fewer planes"):
        run(Endless(np.zeros((1, 20, 60))), model=model)
    assert model.batches == []


def test_recipe_is_json() -> None:
    found = run(Source(np.stack([squares(5)] * 2)))
    assert isinstance(found, StackSegmentation)
    assert json.loads(json.dumps(found.recipe)) == found.recipe
    assert SegmentOptions(**found.recipe["options"])


def test_samples_are_spread_over_all_axes() -> None:
    assert sampled_planes((2, 2)) == [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert sampled_planes((1,)) == [(0,)]
    assert len(sampled_planes((7, 100))) == 9


def test_an_array_gives_the_labels_of_its_planes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "load_model", lambda name: FakeModel())
    array = np.stack([squares(5, 30), squares(6, 45), squares(7, 30)])
    found = segment_planes(array, names=["z"], link_axis=0, diameter_px=None)
    assert_array_equal(found.labels, run(Source(array), link_axis=0).labels)
    assert found.table["z"].tolist() == [0, 0, 1, 2]
    colours = segment_planes(np.stack([array] * 3, -1), names=["z"], rgb=True, diameter_px=None)
    assert_array_equal(colours.labels, run(Source(array)).labels)


@pytest.mark.parametrize("names", [(), ("t", "z")])
def test_axes_that_are_not_named_are_refused(names: tuple[str, ...]) -> None:
    with pytest.raises(InputError, match="name each axis before height and width"):
        segment_planes(np.zeros((3, 4, 5)), names=names)


@pytest.mark.parametrize("shape", [(0, 64, 64), (3, 0, 5)])
def test_a_stack_without_a_pixel_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match="has no pixel"):
        segment_planes(np.zeros(shape), names=["z"])


@pytest.mark.parametrize("link_axis", [-1, 1])
def test_links_along_an_axis_that_is_not_there_are_refused(link_axis: int) -> None:
    source = Source(np.stack([squares(5, 30)] * 2))
    with pytest.raises(InputError, match=rf"cannot be linked along axis {link_axis}: choose one"):
        run(source, link_axis=link_axis)
