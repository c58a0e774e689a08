"""The work on one block, in whatever thread or process it is done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_nuclei.core.blocks import own_nuclei, split_spill
from napari_nuclei.core.instances import (
    NUCLEUS,
    InstanceOptions,
    confine,
    label_nuclei,
    nucleus_mask,
)
from napari_nuclei.core.measure import Table, measure
from napari_nuclei.errors import ModelError
from napari_nuclei.model import store
from napari_nuclei.pipeline.blocks.files import FinishedBlock, Place
from napari_nuclei.pipeline.scale import predict_resized_steps
from napari_nuclei.pipeline.steps import result_of

if TYPE_CHECKING:
    from napari_nuclei.core.resampling import Window
    from napari_nuclei.model.device import Device
    from napari_nuclei.model.predictor import Predictor
    from napari_nuclei.pipeline.blocks.plan import Plan
    from napari_nuclei.pipeline.prediction import Progress

_LOADING = Lock()
# It takes most of the memory, and while one thread does it, the network runs for another.
_LABELLING = Lock()


@dataclass(frozen=True)
class _Labelled:
    block: FinishedBlock
    is_cut: bool


class StoppedError(Exception):
    """The work was stopped before the block was finished."""


def segment_block(
    plan: Plan, place: Place, predictor: Predictor, is_stopped: Callable[[], bool] = lambda: False
) -> None:
    """Segment a block and save it in the plan's folder.

    Parameters
    ----------
    plan : Plan
        What is the same for all blocks.
    place : Place
        Which block.
    predictor : Predictor
        What runs the network.
    is_stopped : callable
        Asked after each batch of tiles.

    Raises
    ------
    StoppedError
        When `is_stopped` says so.
    """
    segment = _segment_mask if plan.options.semantic else _segment_nuclei
    found = segment(plan, place, predictor, is_stopped)
    if is_stopped():
        raise StoppedError
    plan.folder.save(place, found)


def segment_block_remotely(plan: Plan, place: Place) -> None:
    """Do as `segment_block` in a process that has no model yet; it is loaded only once."""
    segment_block(plan, place, _loaded(plan))


def _loaded(plan: Plan) -> Predictor:
    # A worker may have several threads.
    with _LOADING:
        options = plan.options
        model = str(plan.model_folder), plan.model_sha256
        return _load(*model, options.batch_size, options.device)


@lru_cache(maxsize=1)
def _load(folder: str, sha256: str, batch_size: int, chosen: Device) -> Predictor:
    model = store.load_model(folder)
    if model.sha256 != sha256:
        raise ModelError(f"{folder}: the worker has another model there; give both the same.")
    return model.predictor(batch_size, chosen)


def _segment_nuclei(
    plan: Plan, place: Place, predictor: Predictor, is_stopped: Callable[[], bool]
) -> FinishedBlock:
    for margin_px in plan.margins_px:
        window = plan.grid.window(place.block, margin_px)
        maps = _predict(plan, place, window, predictor, is_stopped)
        with _LABELLING:
            found = _label(plan, place, window, maps)
        if not found.is_cut:
            break
    return found.block


def _label(plan: Plan, place: Place, window: Window, maps: NDArray[np.float32]) -> _Labelled:
    labels = label_nuclei(maps, _thresholds(plan))
    owned = own_nuclei(labels, window, place.block.core, plan.image.shape)
    table = _measure(plan, place, window, owned.labels, maps[..., NUCLEUS])
    inside, spill = split_spill(owned.labels, window, place.block.core)
    return _Labelled(FinishedBlock(_small(inside), spill, table), owned.is_cut)


def _segment_mask(
    plan: Plan, place: Place, predictor: Predictor, is_stopped: Callable[[], bool]
) -> FinishedBlock:
    core = place.block.core
    maps = _predict(plan, place, core, predictor, is_stopped)
    mask = nucleus_mask(maps, _thresholds(plan).probability)
    _, no_spill = split_spill(mask, core, core)
    return FinishedBlock(_small(mask), no_spill, {})


def _predict(
    plan: Plan,
    place: Place,
    window: Window,
    predictor: Predictor,
    is_stopped: Callable[[], bool],
) -> NDArray[np.float32]:
    image = plan.prepared(place.index)
    steps = predict_resized_steps(image, plan.enlargement, predictor, plan.options, window)

    def stop_in_time(step: Progress) -> None:
        if is_stopped():
            raise StoppedError

    maps = result_of(steps, stop_in_time)
    return confine(maps, plan.image.finite_pixels(place.index, window))


def _measure(
    plan: Plan,
    place: Place,
    window: Window,
    labels: NDArray[np.int32],
    probability: NDArray[np.float32],
) -> Table:
    """Measure the nuclei of a window; places are those in the plane."""
    pixels = plan.image.read(place.index, window)
    table = measure(labels, probability, pixels, pixel_um=plan.pixel_um)
    index = table.pop("index")
    rows, columns = window
    table["y"] = table["y"] + rows.start
    table["x"] = table["x"] + columns.start
    n = len(index)
    planes = zip(plan.image.names, place.index, strict=True)
    return {"index": index, **{name: np.full(n, at) for name, at in planes}, **table}


def _thresholds(plan: Plan) -> InstanceOptions:
    return plan.options.instances(InstanceOptions())


def _small(labels: NDArray[np.int32]) -> NDArray[np.unsignedinteger]:
    return labels.astype(np.min_scalar_type(int(labels.max(initial=0))))
