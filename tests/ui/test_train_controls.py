"""The choices of a fine-tuning."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from napari_nuclei import paths
from napari_nuclei.pipeline.recipe import FinetuneOptions
from napari_nuclei.ui.own_models import own_models
from napari_nuclei.ui.train_controls import TrainControls

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot


@pytest.fixture
def controls(qtbot: QtBot) -> TrainControls:
    controls = TrainControls()
    qtbot.addWidget(controls)
    return controls


def test_untouched_it_is_the_recipe_of_the_command_line(controls: TrainControls) -> None:
    assert controls.options() == FinetuneOptions()
    assert controls.base_name is None
    assert controls.project.path == paths.default_project()


def test_the_time_can_be_chosen_in_words_or_seconds(controls: TrainControls) -> None:
    controls.time.setCurrentText("Thorough (about 5 min)")
    assert controls.options().max_seconds == 300
    controls.seconds.setValue(77)
    assert controls.time.currentText() == "As long as chosen below"
    assert controls.options().max_seconds == 77
    controls.seconds.setValue(60)
    assert controls.time.currentText() == "Quick (about 1 min)"


def test_the_name_must_be_a_new_one(controls: TrainControls, tiny_model: Path) -> None:
    shutil.copytree(tiny_model, paths.user_models() / "tiny")
    own_models.changed.emit()
    controls.base.setCurrentText("tiny")
    assert controls.base_name == "tiny"
    for name, reason in {
        "": "is not valid",
        "Default": "that of the shipped model",
        " TINY ": "There is a model named TINY: choose another name.",
        "Waits": "A training of Waits waits below",
        "mine": "",
    }.items():
        controls.name.setText(name)
        assert reason in (found := controls.name_refusal(("waits",)))
        assert bool(found) == bool(reason)


def test_a_name_that_nobody_has_is_offered(controls: TrainControls, tiny_model: Path) -> None:
    controls.offer_name(())
    assert controls.model_name == "my-model"
    controls.offer_name(("My-Model", "my-model-2"))
    assert controls.model_name == "my-model-3"
    controls.offer_name(())
    assert controls.model_name == "my-model"
    shutil.copytree(tiny_model, paths.user_models() / "tiny")
    own_models.changed.emit()
    controls.name.setText("Tiny")
    controls.offer_name(())
    assert controls.model_name == "Tiny-2"
