"""The form of the Segment widget: what it shows, and what it hands on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from napari.components import ViewerModel

from napari_nuclei.core.instances import MAX_MIN_AREA_PX, InstanceOptions
from napari_nuclei.errors import InputError
from napari_nuclei.model import store
from napari_nuclei.pipeline.segment import SegmentOptions
from napari_nuclei.ui.segment_controls import SegmentControls

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

Choose = "Callable[..., None]"


@dataclass
class Manifest:
    thresholds: InstanceOptions
    name: str = "mine"


@pytest.fixture
def controls(qtbot: QtBot) -> SegmentControls:
    controls = SegmentControls(ViewerModel().layers)
    qtbot.addWidget(controls)
    return controls


@pytest.fixture
def choose(controls: SegmentControls, monkeypatch: pytest.MonkeyPatch) -> Choose:
    """Return a function that installs a model of given thresholds and chooses it."""

    def install(*thresholds: float) -> None:
        manifest = Manifest(InstanceOptions(*thresholds))
        monkeypatch.setattr(store, "list_models", lambda: [manifest])
        controls.refresh_models()
        controls.model.setCurrentText("mine")

    return install


def shown(controls: SegmentControls) -> tuple[float, float, int]:
    return controls.probability.value(), controls.separation.value(), controls.min_area.value()


def test_choosing_a_model_shows_its_thresholds(
    controls: SegmentControls, choose: Choose, monkeypatch: pytest.MonkeyPatch
) -> None:
    shipped = shown(controls)
    assert controls.model_name is None
    choose(0.25, 0.75, 30)
    assert controls.model_name == "mine"
    assert shown(controls) == (0.25, 0.75, 30)
    monkeypatch.setattr(store, "list_models", list)
    controls.refresh_models()
    assert controls.model_name is None
    assert shown(controls) == shipped


@pytest.mark.parametrize("thresholds", [(0.004, 0.996, 30), (0.125, 0.333, MAX_MIN_AREA_PX)])
def test_thresholds_of_the_model_are_not_rounded_by_the_form(
    thresholds: tuple[float, float, int], controls: SegmentControls, choose: Choose
) -> None:
    choose(*thresholds)
    own = InstanceOptions(*thresholds)
    assert controls.options().instances(own) == own
    assert controls.min_area.value() == own.min_area_px


def test_only_what_was_touched_is_chosen(controls: SegmentControls, choose: Choose) -> None:
    choose(0.125, 0.333, 30)
    controls.separation.setValue(0.456)
    assert controls.options() == SegmentOptions(separation=0.46)
    controls.model.setCurrentIndex(0)
    assert controls.options() == SegmentOptions()


def test_a_model_trained_again_shows_its_new_thresholds(
    controls: SegmentControls, choose: Choose
) -> None:
    choose(0.25, 0.75, 30)
    controls.separation.setValue(0.5)
    choose(0.3, 0.4, 20)
    assert shown(controls) == (0.3, 0.4, 20)
    assert controls.options() == SegmentOptions()


@pytest.mark.parametrize("value", [0.01, 0.99])
def test_sliders_reach_nearly_to_the_ends(value: float, controls: SegmentControls) -> None:
    controls.probability.setValue(value)
    assert controls.options().probability == value


def test_an_area_beyond_the_box_is_refused() -> None:
    with pytest.raises(InputError, match="The minimum area is 1000001: choose 0 to 1000000 pix"):
        InstanceOptions(min_area_px=MAX_MIN_AREA_PX + 1)


def test_a_semantic_mask_needs_neither_separation_nor_area(controls: SegmentControls) -> None:
    for semantic in (True, False):
        controls.semantic.setChecked(semantic)
        assert controls.separation.isEnabled() is not semantic
        assert controls.min_area.isEnabled() is not semantic
        assert controls.probability.isEnabled()
