from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import dask.array as da
import numpy as np
import psutil
import pytest
from numpy.typing import NDArray

from napari_nuclei.pipeline.blocks.ome_zarr import open_pixels
from napari_nuclei.ui import large_images
from napari_nuclei.ui.planes import Scope
from napari_nuclei.ui.preferences import Preferences
from napari_nuclei.ui.words import breakable

if TYPE_CHECKING:
    from napari.layers import Image
    from napari.viewer import Viewer
    from pytestqt.qtbot import QtBot

    from conftest import FakeModel
    from napari_nuclei.ui.segment_widget import SegmentWidget

Run = Callable[["SegmentWidget"], None]


@pytest.fixture(autouse=True)
def _little_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nothing fit into memory; napari asks for the total when a lazy layer comes."""
    memory = SimpleNamespace(available=1000, total=2**33)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: memory)


@pytest.fixture
def many_squares(two_squares: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return an image of two blocks, (2100, 300), with one bright square on their border."""
    return np.tile(two_squares, (53, 6))[:2100]


@pytest.fixture
def image(viewer: Viewer, widget: SegmentWidget, many_squares: NDArray[np.float32]) -> Image:
    lazy = da.from_array(many_squares, chunks=1000)
    place = {"scale": (0.5, 0.25), "translate": (7.0, 0.0), "units": ("um", "um")}
    layer = viewer.add_image(lazy, name="big cells", **place)
    widget.controls.diameter.setValue(12.0)
    return layer


def results() -> list[str]:
    folder = large_images.result_folder()
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


def test_an_image_that_does_not_fit_is_segmented_into_a_file(
    widget: SegmentWidget,
    image: Image,
    viewer: Viewer,
    run: Run,
    many_squares: NDArray[np.float32],
) -> None:
    folder = large_images.result_folder()
    assert widget.panel.status.text().endswith(f", block by block into {breakable(folder)}")
    run(widget)
    layer = viewer.layers["big cells nuclei"]
    assert [level.shape for level in layer.data] == [(2100, 300), (1050, 150), (525, 75)]
    found = np.asarray(layer.data[0])
    np.testing.assert_array_equal(found > 0, many_squares > 0)
    np.testing.assert_array_equal(layer.data[1], found[::2, ::2])
    assert layer.scale.tolist() == [0.5, 0.25]
    assert layer.translate.tolist() == [7.0, 0.0]
    assert layer.metadata["napari_nuclei"]["model"]["name"] == "fake"
    assert layer.metadata["napari_nuclei"]["image"] == "big cells"
    labels, table = results()
    assert open_pixels(folder / labels).translation == (7.0, 0.0)
    assert table == labels.replace("_labels.ome.zarr", "_nuclei.csv")
    words = widget.panel.status.text()
    assert words.startswith(f"{found.max()} nuclei, diameter set to 12 px (")
    assert words.endswith(f"kept in {breakable(folder / labels)}")


def test_cancelled_work_goes_on_with_the_next_run(
    widget: SegmentWidget,
    image: Image,
    model: FakeModel,
    viewer: Viewer,
    start: Run,
    run: Run,
    qtbot: QtBot,
) -> None:
    start(widget)
    with qtbot.waitSignal(widget.job.ended, timeout=30_000):
        widget.panel.button.click()
    assert widget.panel.status.text().startswith("Cancelled: finished blocks are kept")
    assert widget.panel.button.isEnabled()
    (unfinished,) = results()
    model.gate.set()
    run(widget)
    assert unfinished.removesuffix(".unfinished") in results()
    assert unfinished not in results()
    batches = model.batches
    run(widget)
    assert model.batches == batches
    assert [layer.name for layer in viewer.layers][1:] == [
        "big cells nuclei",
        "big cells nuclei [1]",
    ]


def test_another_image_of_the_same_name_has_a_result_of_its_own(
    widget: SegmentWidget,
    image: Image,
    viewer: Viewer,
    run: Run,
    many_squares: NDArray[np.float32],
) -> None:
    run(widget)
    viewer.layers.clear()
    other = da.from_array(many_squares[:, ::-1], chunks=1000)
    viewer.add_image(other, name="big cells", scale=(0.5, 0.25), units=("um", "um"))
    widget.controls.diameter.setValue(12.0)
    run(widget)
    found = np.asarray(viewer.layers["big cells nuclei"].data[0])
    np.testing.assert_array_equal(found > 0, many_squares[:, ::-1] > 0)
    assert len([name for name in results() if name.endswith(".csv")]) == 2


def test_results_go_where_the_preferences_say(
    widget: SegmentWidget,
    image: Image,
    run: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    chosen = Preferences(large_folder=str(tmp_path / "mine"))
    monkeypatch.setattr(large_images, "read_preferences", lambda: chosen)
    run(widget)
    assert len(list((tmp_path / "mine").glob("big_cells_*_labels.ome.zarr"))) == 1


def test_an_error_is_told_and_adds_nothing(
    widget: SegmentWidget, image: Image, model: FakeModel, viewer: Viewer, run: Run
) -> None:
    model.error = ValueError("no such thing")
    run(widget)
    reason = "The run failed: unexpected ValueError: no such thing"
    assert widget.panel.status.text() == reason
    assert len(viewer.layers) == 1


def test_planes_of_a_channel_beside_others_are_segmented(
    widget: SegmentWidget, viewer: Viewer, run: Run, two_squares: NDArray[np.float32]
) -> None:
    dark = 0 * two_squares
    stack = np.stack([np.stack([dark, two_squares], -1), np.stack([dark, dark], -1)])
    viewer.add_image(da.from_array(stack), name="stack", axis_labels=("z", "y", "x", "c"))
    widget.controls.diameter.setValue(12.0)
    widget.axes.channel.setValue(2)
    widget.axes.scope.setCurrentIndex(widget.axes.scope.findData(Scope.ALL))
    run(widget)
    found = np.asarray(viewer.layers["stack nuclei"].data)
    np.testing.assert_array_equal(found[..., 0] > 0, stack[..., 1] > 0)


def test_a_plane_of_a_stack_lies_on_that_plane_and_its_file_has_its_pixel_size(
    widget: SegmentWidget, viewer: Viewer, run: Run, many_squares: NDArray[np.float32]
) -> None:
    stack = da.from_array(np.stack([0 * many_squares, many_squares]), chunks=1000)
    viewer.add_image(
        stack,
        name="stack",
        axis_labels=("z", "y", "x"),
        scale=(3, 0.5, 0.25),
        translate=(1, 7, 0),
        units=("um",) * 3,
    )
    viewer.dims.set_current_step(0, 1)
    widget.controls.diameter.setValue(12.0)
    run(widget)
    layer = viewer.layers["stack nuclei"]
    assert [level.shape for level in layer.data] == [(1, 2100, 300), (1, 1050, 150), (1, 525, 75)]
    np.testing.assert_array_equal(np.asarray(layer.data[0])[0] > 0, many_squares > 0)
    assert layer.translate.tolist() == [4.0, 7.0, 0.0]
    for plane in (0, 1):
        viewer.dims.set_current_step(0, plane)
        assert layer._slice.image.raw.any() == (plane == 1)
    (labels,) = (name for name in results() if name.endswith(".zarr"))
    pixels = open_pixels(large_images.result_folder() / labels)
    assert (pixels.scale, pixels.translation) == ((0.5, 0.25), (7.0, 0.0))


def test_links_need_all_planes_in_memory(
    widget: SegmentWidget, viewer: Viewer, two_squares: NDArray[np.float32]
) -> None:
    viewer.add_image(da.from_array(np.stack([two_squares] * 3)))
    widget.axes.scope.setCurrentIndex(widget.axes.scope.findData(Scope.ALL))
    assert widget.panel.button.isEnabled()
    widget.axes.links.setCurrentIndex(1)
    assert not widget.panel.button.isEnabled()
    assert "cannot be linked: choose ids of their own" in widget.panel.status.text()
