"""The image combo box: follows the layer list by object, whatever the names do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from napari.components import ViewerModel

from napari_nuclei.ui.layer_combo import LayerCombo
from napari_nuclei.ui.names import OWN

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

PIXELS = np.zeros((4, 4))


@pytest.fixture
def model() -> ViewerModel:
    return ViewerModel()


@pytest.fixture
def combo(qtbot: QtBot, model: ViewerModel) -> LayerCombo:
    combo = LayerCombo(model.layers)
    qtbot.addWidget(combo)
    return combo


def texts(combo: LayerCombo) -> list[str]:
    return [combo.itemText(index) for index in range(combo.count())]


def test_empty_viewer_has_no_choice(combo: LayerCombo) -> None:
    combo.refresh()
    assert combo.layer is None
    assert texts(combo) == []


def test_only_images_are_listed_and_the_active_one_is_chosen(
    combo: LayerCombo, model: ViewerModel
) -> None:
    first, second = (model.add_image(PIXELS, name=name) for name in ("first", "second"))
    model.add_labels(PIXELS.astype(int))
    model.layers.selection.active = first
    combo.refresh()
    assert texts(combo) == ["second", "first"]
    assert combo.layer is first
    combo.choose(second)
    assert combo.layer is second


def test_choice_survives_new_names_order_and_neighbours(
    combo: LayerCombo, model: ViewerModel
) -> None:
    chosen, other = model.add_image(PIXELS, name="a"), model.add_image(PIXELS, name="b")
    combo.refresh()
    combo.choose(chosen)
    chosen.name, other.name = "c", "a"
    model.layers.reverse()
    model.add_image(PIXELS, name="d")
    combo.refresh()
    assert combo.layer is chosen
    assert combo.currentText() == combo.toolTip() == "c"


def test_removed_layer_is_not_found_again_by_its_name(
    combo: LayerCombo, model: ViewerModel, qtbot: QtBot
) -> None:
    old = model.add_image(PIXELS, name="cells")
    combo.refresh()
    model.layers.remove(old)
    new = model.add_image(PIXELS, name="cells")
    with qtbot.waitSignal(combo.layer_changed, timeout=1000):
        combo.refresh()
    assert combo.layer is new


def test_a_refresh_that_changes_nothing_is_silent(
    combo: LayerCombo, model: ViewerModel, qtbot: QtBot
) -> None:
    model.add_image(PIXELS)
    combo.refresh()
    with qtbot.assertNotEmitted(combo.layer_changed):
        combo.refresh()


def test_layers_to_look_at_are_no_choice(combo: LayerCombo, model: ViewerModel) -> None:
    model.add_image(PIXELS, name="first")
    model.add_image(PIXELS, name="ours", metadata={OWN: {}})
    combo.refresh()
    assert texts(combo) == ["first"]
