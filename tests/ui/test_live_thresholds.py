"""Sliders after a run: labels follow, the network rests, and nobody's painting is overwritten."""

from __future__ import annotations

import gc
import shutil
import threading
import weakref
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from napari.layers import Labels
from qtpy.QtGui import QGuiApplication

from napari_nuclei import paths
from napari_nuclei.core.instances import InstanceOptions
from napari_nuclei.errors import InputError
from napari_nuclei.model import store
from napari_nuclei.ui import live_thresholds
from napari_nuclei.ui.own_models import own_models

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari.viewer import Viewer
    from numpy.typing import NDArray
    from pytestqt.qtbot import QtBot

    from conftest import FakeModel
    from napari_nuclei.ui.segment_widget import SegmentWidget

Gate = tuple[threading.Event, threading.Event]

BOTH, BRIGHT_ONLY = 0.5, 0.8  # the dimmer square has 0.6


@pytest.fixture
def done(
    viewer: Viewer,
    widget: SegmentWidget,
    two_squares: NDArray[np.float32],
    run: Callable[[SegmentWidget], None],
) -> SegmentWidget:
    """Return the widget after a run that found both squares."""
    viewer.add_image(two_squares, name="cells")
    widget.controls.probability.setValue(BOTH)
    run(widget)
    return widget


def move(widget: SegmentWidget, probability: float, qtbot: QtBot) -> None:
    with qtbot.waitSignal(widget.live.relabelled, timeout=10_000):
        widget.controls.probability.setValue(probability)


def labels_of(viewer: Viewer) -> list[Labels]:
    return [layer for layer in viewer.layers if isinstance(layer, Labels)]


def recipe_of(layer: Labels) -> dict[str, Any]:
    return layer.metadata["napari_nuclei"]


@pytest.fixture
def held_relabel(monkeypatch: pytest.MonkeyPatch) -> Gate:
    """Return an event that tells that labels are about to be made, and one that lets them be."""
    reached, may_go_on = threading.Event(), threading.Event()
    relabel = live_thresholds.relabel

    def held(*args: Any) -> Any:
        reached.set()
        assert may_go_on.wait(10)
        return relabel(*args)

    monkeypatch.setattr(live_thresholds, "relabel", held)
    return reached, may_go_on


@pytest.fixture
def tiny(
    viewer: Viewer, widget: SegmentWidget, two_squares: NDArray[np.float32], tiny_model: Path
) -> SegmentWidget:
    """Return the widget with a model of the user's chosen, "tiny", for an image of two squares."""
    shutil.copytree(tiny_model, paths.user_models() / "tiny")
    viewer.add_image(two_squares, name="cells")
    widget.controls.refresh_models()
    widget.controls.model.choose("tiny")
    widget.controls.probability.setValue(BOTH)
    return widget


def rename_tiny() -> None:
    store.rename_model("tiny", "liver")
    own_models.renamed.emit("tiny", "liver")
    own_models.changed.emit()


def test_the_result_of_a_model_that_was_renamed_follows_the_slider(
    viewer: Viewer, tiny: SegmentWidget, run: Any, qtbot: QtBot
) -> None:
    run(tiny)
    rename_tiny()
    assert tiny.controls.model_name == "liver"
    move(tiny, BRIGHT_ONLY, qtbot)
    assert labels_of(viewer)[0].data.max() == 1


def test_what_is_copied_names_a_renamed_model_as_it_is_called_now(
    viewer: Viewer, tiny: SegmentWidget, run: Any
) -> None:
    run(tiny)
    sha256 = store.list_models()[0].weights.sha256
    labels_of(viewer)[0].metadata["napari_nuclei"]["model"] = {"name": "tiny", "sha256": sha256}
    rename_tiny()
    for button, words in (
        (tiny.results.python, "model='liver'"),
        (tiny.results.command, "--model liver"),
    ):
        button.click()
        assert words in QGuiApplication.clipboard().text()


def test_so_does_that_of_a_model_renamed_in_mid_run(
    viewer: Viewer, tiny: SegmentWidget, model: FakeModel, start: Any, qtbot: QtBot
) -> None:
    start(tiny)
    rename_tiny()
    with qtbot.waitSignal(tiny.job.ended, timeout=30_000):
        model.gate.set()
    move(tiny, BRIGHT_ONLY, qtbot)
    assert labels_of(viewer)[0].data.max() == 1


def test_and_that_of_one_renamed_while_labels_are_made(
    viewer: Viewer, tiny: SegmentWidget, run: Any, qtbot: QtBot, held_relabel: Gate
) -> None:
    run(tiny)
    reached, may_go_on = held_relabel
    tiny.controls.probability.setValue(0.55)
    qtbot.waitUntil(reached.is_set, timeout=30_000)
    rename_tiny()
    with qtbot.waitSignal(tiny.live.relabelled, timeout=10_000):
        may_go_on.set()
    move(tiny, BRIGHT_ONLY, qtbot)
    assert labels_of(viewer)[0].data.max() == 1


def test_slider_changes_the_layer_without_the_network(
    viewer: Viewer, done: SegmentWidget, model: FakeModel, qtbot: QtBot
) -> None:
    (layer,) = labels_of(viewer)
    batches = model.batches
    move(done, BRIGHT_ONLY, qtbot)
    assert labels_of(viewer) == [layer]
    assert layer.data.max() == 1
    assert list(layer.features["index"]) == [1]
    assert layer.metadata["napari_nuclei"]["options"]["probability"] == BRIGHT_ONLY
    assert done.panel.status.text() == "1 nucleus of about 12 px"
    move(done, BOTH, qtbot)
    assert layer.data.max() == 2
    assert model.batches == batches


def test_many_moves_are_one_change(viewer: Viewer, done: SegmentWidget, qtbot: QtBot) -> None:
    changes = []
    (layer,) = labels_of(viewer)
    layer.events.set_data.connect(changes.append)
    for probability in (0.55, 0.65, 0.75):
        done.controls.probability.setValue(probability)
    move(done, BRIGHT_ONLY, qtbot)
    assert len(changes) == 1


def test_a_move_while_labels_are_made_is_not_lost(
    viewer: Viewer, done: SegmentWidget, qtbot: QtBot, held_relabel: Gate
) -> None:
    (layer,) = labels_of(viewer)
    reached, may_go_on = held_relabel
    done.controls.probability.setValue(BRIGHT_ONLY)
    qtbot.waitUntil(reached.is_set, timeout=30_000)
    done.controls.probability.setValue(0.7)
    done.controls.probability.setValue(0.4)
    may_go_on.set()
    qtbot.waitUntil(lambda: recipe_of(layer)["options"]["probability"] == 0.4, timeout=30_000)
    assert layer.data.max() == 2


def test_a_move_during_a_run_is_applied_after_it(
    viewer: Viewer,
    done: SegmentWidget,
    model: FakeModel,
    start: Callable[[SegmentWidget], None],
    qtbot: QtBot,
) -> None:
    model.waiting.clear()
    start(done)
    done.controls.probability.setValue(BRIGHT_ONLY)
    with qtbot.waitSignal(done.live.relabelled, timeout=30_000):
        model.gate.set()
    first, second = labels_of(viewer)
    assert (first.data.max(), second.data.max()) == (2, 1)
    assert recipe_of(second)["options"]["probability"] == BRIGHT_ONLY


def test_a_move_there_and_back_changes_nothing(
    done: SegmentWidget, run: Callable[[SegmentWidget], None], qtbot: QtBot
) -> None:
    done.controls.probability.setValue(BRIGHT_ONLY)
    run(done)
    with qtbot.assertNotEmitted(done.live.relabelled, wait=300):
        done.controls.probability.setValue(BOTH)
        done.controls.probability.setValue(BRIGHT_ONLY)


def test_sliders_of_another_model_are_for_the_next_run(
    done: SegmentWidget, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = SimpleNamespace(name="other", thresholds=InstanceOptions())
    monkeypatch.setattr(store, "list_models", lambda: [other])
    done.controls.refresh_models()
    done.controls.model.setCurrentText("other")
    with qtbot.assertNotEmitted(done.live.relabelled, wait=300):
        done.controls.probability.setValue(BRIGHT_ONLY)


def test_diameter_of_the_recipe_is_that_of_the_run(
    viewer: Viewer, done: SegmentWidget, qtbot: QtBot
) -> None:
    (layer,) = labels_of(viewer)
    estimated_px = layer.metadata["napari_nuclei"]["options"]["diameter_px"]
    done.controls.diameter.setValue(40)
    move(done, BRIGHT_ONLY, qtbot)
    options = layer.metadata["napari_nuclei"]["options"]
    assert options["diameter_px"] == estimated_px != 40


@pytest.mark.parametrize("how", ["painted", "painted and undone", "replaced"])
def test_painted_layer_is_left_alone(
    how: str, viewer: Viewer, done: SegmentWidget, qtbot: QtBot
) -> None:
    (layer,) = labels_of(viewer)
    if how == "replaced":
        layer.data = np.ones_like(layer.data)
    else:
        layer.paint((20, 20), 7)
    if how == "painted and undone":
        layer.undo()
    kept = layer.data.copy()
    move(done, BRIGHT_ONLY, qtbot)
    _, new = labels_of(viewer)
    np.testing.assert_array_equal(layer.data, kept)
    assert new.data.max() == 1
    move(done, BOTH, qtbot)
    assert labels_of(viewer) == [layer, new]
    assert new.data.max() == 2


def test_a_stroke_that_is_still_drawn_is_left_alone(
    viewer: Viewer, done: SegmentWidget, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    (layer,) = labels_of(viewer)
    compared, may_go_on = threading.Event(), threading.Event()
    relabelled = live_thresholds._Relabelled

    def held(*args: Any) -> Any:
        compared.set()
        assert may_go_on.wait(10)
        return relabelled(*args)

    monkeypatch.setattr(live_thresholds, "_Relabelled", held)
    done.controls.probability.setValue(BRIGHT_ONLY)
    qtbot.waitUntil(compared.is_set, timeout=30_000)
    with layer.block_history():  # as napari does until the button is released
        layer.paint((20, 20), 7)
        with qtbot.waitSignal(done.live.relabelled, timeout=30_000):
            may_go_on.set()
    assert layer.data[20, 20] == 7
    assert len(labels_of(viewer)) == 2


def test_new_thresholds_leave_the_metadata_of_others(
    viewer: Viewer, done: SegmentWidget, qtbot: QtBot
) -> None:
    (layer,) = labels_of(viewer)
    layer.metadata["dish"] = 3
    move(done, BRIGHT_ONLY, qtbot)
    assert recipe_of(layer)["options"]["probability"] == BRIGHT_ONLY
    assert layer.metadata["dish"] == 3


@pytest.mark.parametrize("how", ["cancelled", "failed"])
def test_a_run_without_a_result_leaves_the_last_one_live(
    how: str,
    viewer: Viewer,
    done: SegmentWidget,
    model: FakeModel,
    start: Callable[[SegmentWidget], None],
    qtbot: QtBot,
) -> None:
    (layer,) = labels_of(viewer)
    model.waiting.clear()
    start(done)
    if how == "failed":
        model.error = InputError("The image is of no use.")
        done.job.failed.disconnect()  # to napari, which raises it in tests
    else:
        done.panel.button.click()
    with qtbot.waitSignal(done.job.ended, timeout=30_000):
        model.gate.set()
    move(done, BRIGHT_ONLY, qtbot)
    assert labels_of(viewer) == [layer]
    assert layer.data.max() == 1


def test_painting_does_not_reach_the_result_of_the_run(viewer: Viewer, done: SegmentWidget) -> None:
    (layer,) = labels_of(viewer)
    layer.data[:] = 9
    assert done.live.result.segmentation.labels.max() == 2


@pytest.mark.parametrize("why", ["layer removed", "another image chosen"])
def test_nothing_to_follow(why: str, viewer: Viewer, done: SegmentWidget, qtbot: QtBot) -> None:
    (layer,) = labels_of(viewer)
    if why == "layer removed":
        viewer.layers.remove(layer)
    else:
        done.controls.image.choose(viewer.add_image(np.zeros((9, 9)), name="other"))
    before = layer.data.copy()
    with qtbot.assertNotEmitted(done.live.relabelled, wait=300):
        done.controls.probability.setValue(BRIGHT_ONLY)
    np.testing.assert_array_equal(layer.data, before)
    assert (done.live.result is None) == (why == "layer removed")


def test_maps_go_with_their_layer(viewer: Viewer, done: SegmentWidget, qtbot: QtBot) -> None:
    (layer,) = labels_of(viewer)
    shown = done.results.current.probability
    maps = weakref.ref(done.live.result.segmentation.maps)
    assert not np.shares_memory(shown, maps())
    move(done, BRIGHT_ONLY, qtbot)
    assert done.results.current.probability is shown
    viewer.layers.remove(layer)
    gc.collect()  # napari's own cycles
    assert maps() is None


def test_a_new_run_drops_what_is_on_its_way(
    viewer: Viewer,
    done: SegmentWidget,
    model: FakeModel,
    start: Callable[[SegmentWidget], None],
    qtbot: QtBot,
) -> None:
    (first,) = labels_of(viewer)
    done.controls.probability.setValue(BRIGHT_ONLY)
    model.waiting.clear()
    with qtbot.assertNotEmitted(done.live.relabelled, wait=300):
        start(done)
    with qtbot.waitSignal(done.job.ended, timeout=30_000):
        model.gate.set()
    _, second = labels_of(viewer)
    assert first.data.max() == 2
    assert second.data.max() == 1
