"""The curve of a training."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from napari_nuclei.pipeline.before_after import Figures
from napari_nuclei.ui.train_curve import TrainCurve

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

BEFORE = Figures(0.3, 0.5, 9)


@pytest.fixture
def curve(qtbot: QtBot) -> TrainCurve:
    curve = TrainCurve("dark")
    qtbot.addWidget(curve)
    return curve


def test_epochs_are_added_and_another_training_begins_anew(curve: TrainCurve) -> None:
    curve.begin(BEFORE, 4)
    curve.add(1, 1.5, 2.5, Figures(0.1, 0.2, 9))
    curve.add(2, 0.5, 1.5, Figures(0.3, 0.4, 9))
    assert curve.points == ((1, 1.5, 2.5, 0.2, 0.1), (2, 0.5, 1.5, 0.4, 0.3))
    curve.begin(BEFORE, 4)
    assert curve.points == ()


@pytest.mark.parametrize(("epochs", "ticks"), [(4, [1, 2, 3, 4]), (30, [4, 8, 12, 16, 20, 24, 28])])
def test_the_axis_has_whole_epochs(curve: TrainCurve, epochs: int, ticks: list[int]) -> None:
    curve.begin(BEFORE, epochs)
    (shown,) = curve.ci.getItem(1, 0).getAxis("bottom")._tickLevels
    assert [number for number, _ in shown] == ticks
