"""File > Open Sample: each sample is an image layer and the truth as a Labels layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari.utils import progress

from napari_nuclei.pipeline.samples import SampleData, read_sample

if TYPE_CHECKING:
    from napari.types import LayerDataTuple


def dsb2018() -> list[LayerDataTuple]:
    """Return the sample that ships with the package."""
    return _open("dsb2018")


def fluorescence_small() -> list[LayerDataTuple]:
    """Return fluorescent nuclei of about 12 px."""
    return _open("fluorescence_small")


def fluorescence_large() -> list[LayerDataTuple]:
    """Return fluorescent nuclei of about 50 px."""
    return _open("fluorescence_large")


def fluorescence_crowded() -> list[LayerDataTuple]:
    """Return fluorescent nuclei that touch and overlap."""
    return _open("fluorescence_crowded")


def stained() -> list[LayerDataTuple]:
    """Return purple tissue in colour."""
    return _open("stained")


def brightfield() -> list[LayerDataTuple]:
    """Return a smear on a bright background, 1024 x 1024 px."""
    return _open("brightfield")


def _open(key: str) -> list[LayerDataTuple]:
    bar = progress(desc=f"Opening the sample {key}")
    try:
        return _layers(read_sample(key, lambda done, total: _show(bar, done, total)))
    finally:
        bar.close()


def _show(bar: progress, done: int, total: int) -> None:
    bar.total = total
    bar.update(done - bar.n)


def _layers(data: SampleData) -> list[LayerDataTuple]:
    name = data.sample.title
    rgb = data.image.ndim == 3
    image = {"name": name, "rgb": rgb} | ({} if rgb else {"colormap": "gray"})
    # Hidden, so that the first thing seen is the image itself.
    truth = {"name": f"{name} truth", "visible": False}
    return [(data.image, image, "image"), (data.labels, truth, "labels")]
