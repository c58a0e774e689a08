from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from napari_nuclei.ui.model_combo import ModelCombo
from napari_nuclei.ui.own_models import own_models

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot


@pytest.fixture
def combo(qtbot: QtBot) -> ModelCombo:
    combo = ModelCombo("choose")
    qtbot.addWidget(combo)
    combo.show_models(["liver", "stain"])
    return combo


def test_the_default_model_comes_first_and_has_no_name(combo: ModelCombo) -> None:
    assert [combo.itemText(row) for row in range(combo.count())] == ["Default", "liver", "stain"]
    assert combo.model_name is None
    combo.choose("stain")
    assert combo.model_name == "stain"
    combo.choose("nobody's")
    assert combo.model_name is None


def test_a_choice_outlives_a_new_name_and_other_models(combo: ModelCombo, qtbot: QtBot) -> None:
    combo.choose("stain")
    with qtbot.assertNotEmitted(combo.currentIndexChanged):
        own_models.renamed.emit("stain", "kidney")
        combo.show_models(["brain", "kidney", "liver"])
    assert combo.model_name == "kidney"


def test_the_choice_of_a_deleted_model_is_made_anew_and_told(
    combo: ModelCombo, qtbot: QtBot
) -> None:
    combo.choose("stain")
    with qtbot.waitSignal(combo.currentIndexChanged):
        combo.show_models(["liver"])
    assert combo.model_name is None


def test_the_default_model_keeps_its_name(combo: ModelCombo) -> None:
    own_models.renamed.emit("Default", "mine")
    assert combo.itemText(0) == "Default"
