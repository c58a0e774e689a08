from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from napari_nuclei.ui.diameter_box import DiameterBox

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot


@pytest.fixture
def box(qtbot: QtBot) -> DiameterBox:
    box = DiameterBox()
    qtbot.addWidget(box)
    return box


def test_automatic_is_nought_and_shows_no_number(box: DiameterBox) -> None:
    assert box.value() == 0
    assert box.number.isHidden()
    box.setValue(12.5)
    assert box.unit.currentText() == "px"
    assert box.value() == 12.5
    assert not box.number.isHidden()
    box.setValue(0)
    assert box.unit.currentText() == "automatic"


def test_micrometres_can_be_chosen_where_a_pixel_has_a_size(box: DiameterBox) -> None:
    item = box.unit.model().item(2)
    assert not item.isEnabled()
    box.set_pixel_um(0.25)
    assert item.isEnabled()
    box.unit.setCurrentText("µm")
    box.number.setValue(9)
    assert box.value() == 36


def test_another_unit_is_the_same_diameter(box: DiameterBox) -> None:
    box.set_pixel_um(0.5)
    box.setValue(40)
    box.unit.setCurrentText("µm")
    assert box.number.value() == 20
    assert box.value() == 40
    box.set_pixel_um(None)
    assert box.unit.currentText() == "px"
    assert box.value() == 40


def test_what_is_smaller_than_a_pixel_is_a_pixel(box: DiameterBox) -> None:
    box.setValue(0.2)
    assert box.value() == 1


def test_less_than_a_pixel_cannot_be_entered(box: DiameterBox) -> None:
    box.unit.setCurrentText("px")
    box.number.setValue(-5)
    assert box.number.value() == 1
    box.set_pixel_um(0.1)
    box.unit.setCurrentText("µm")
    assert box.number.value() == 0.1
    assert box.value() == 1


@pytest.mark.parametrize(("unit", "shown"), [("px", 25), ("µm", 12.5)])
def test_an_estimate_is_what_a_person_begins_with(
    box: DiameterBox, unit: str, shown: float
) -> None:
    box.set_pixel_um(0.5)
    box.suggest(25)
    assert box.value() == 0
    box.unit.setCurrentText(unit)
    assert box.number.value() == shown
    assert box.value() == 25


def test_more_than_the_largest_diameter_cannot_be_entered(box: DiameterBox) -> None:
    box.set_pixel_um(0.1)
    box.unit.setCurrentText("µm")
    box.number.setValue(1500)
    assert (box.number.value(), box.value()) == (1000, 10_000)
    box.set_pixel_um(0.000016)  # an electron microscope's: the box shows a decimal alone
    assert box.value() == 10_000
