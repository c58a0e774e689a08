"""A run of the widget Segment nuclei: what was asked for, and the work that a thread does."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_nuclei.core.instances import NUCLEUS, label_nuclei
from napari_nuclei.model.device import device_name
from napari_nuclei.model.store import load_model
from napari_nuclei.pipeline.prediction import Progress
from napari_nuclei.pipeline.resources import Pace, Stopwatch
from napari_nuclei.pipeline.stack import segment_planes_steps
from napari_nuclei.ui.found import confirmed
from napari_nuclei.ui.large_images import make_job

if TYPE_CHECKING:
    from napari.layers import Image

    from napari_nuclei.model.store import Model
    from napari_nuclei.pipeline.blocks import BlockSegmentation
    from napari_nuclei.pipeline.reproduce import ImageSource
    from napari_nuclei.pipeline.segment import Segmentation, SegmentOptions
    from napari_nuclei.pipeline.stack import StackSegmentation
    from napari_nuclei.ui.planes import Planes


@dataclass(frozen=True)
class Request:
    """A run as it was when Run was pressed; `planes` is a snapshot of `described`."""

    image: Image
    described: Planes
    planes: Planes
    model_name: str | None
    options: SegmentOptions
    link_axis: int | None
    source: ImageSource


@dataclass(frozen=True)
class Outcome:
    """What the worker made of a request; `labels` and `probability` are copies for layers."""

    request: Request
    source: ImageSource
    model: Model
    segmentation: Segmentation | StackSegmentation
    labels: NDArray[np.int32]
    probability: NDArray[np.float32] | None
    device: str
    pace: Pace | None


@dataclass(frozen=True)
class LargeOutcome:
    """What the worker made of a request for an image larger than the memory."""

    request: Request
    found: BlockSegmentation


def warm_steps(model_name: str | None) -> Generator[Progress, None, Model]:
    """Load what a first run needs before anybody presses Run; what is wrong is told then."""
    yield Progress(0, 0)
    label_nuclei(np.zeros((1, 1, 3), np.float32))
    yield Progress(0, 0)
    return load_model(model_name)


def run_steps(request: Request) -> Generator[Progress, None, Outcome]:
    """Read, load the model and segment, in the worker: nothing here touches napari or Qt."""
    yield Progress(0, 0)
    planes = request.planes
    if not planes.counts:
        # First of all, before anybody changes it. Of a stack, only one plane at a time is read.
        planes = planes.loaded()
    yield Progress(0, 0)
    source = confirmed(request.source, request.described, planes)
    yield Progress(0, 0)
    model = load_model(request.model_name)
    yield Progress(0, 0)
    options = request.options
    stopwatch = Stopwatch()
    steps = segment_planes_steps(planes, model, options, link_axis=request.link_axis)
    found = yield from stopwatch.time(steps)
    enlargement = model.diameters.enlargement(found.diameter_px)
    pace = stopwatch.pace(enlargement)
    # Copying a stack takes time, too.
    probability = None if found.maps is None else found.maps[..., NUCLEUS].copy()
    copies = found.labels.copy(), probability
    return Outcome(request, source, model, found, *copies, device_name(options.device), pace)


def large_steps(request: Request, folder: Path) -> Generator[Progress, None, LargeOutcome]:
    """Segment block by block, in the worker."""
    # Half a second to import, as in `large_images`.
    from napari_nuclei.pipeline.blocks import block_steps

    yield Progress(0, 0)
    model = load_model(request.model_name)
    yield Progress(0, 0)
    job = make_job(request.planes, model, request.options, folder)
    return LargeOutcome(request, (yield from block_steps(job, model)))
