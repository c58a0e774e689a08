"""What is seen of a training: its messages are given by hand, the run folder is a real one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import imageio.v3 as iio
import numpy as np
import pytest

from napari_nuclei.pipeline import runs
from napari_nuclei.pipeline.before_after import Figures
from napari_nuclei.pipeline.messages import EpochEnded, Started
from napari_nuclei.ui.train_course import TrainCourse

if TYPE_CHECKING:
    from pathlib import Path

    from pytestqt.qtbot import QtBot

SCORES = Figures(0.4, 0.6, 2)


@pytest.fixture
def course(qtbot: QtBot) -> TrainCourse:
    course = TrainCourse("dark")
    qtbot.addWidget(course)
    return course


def save_epochs(folder: Path, count: int) -> None:
    run = runs.start(folder, {})
    for number in range(1, count + 1):
        row = {"loss": 1 / number, "val_loss": 2 / number, "mean_ap": 0.4, "ap50": 0.6}
        run.save_epoch(row, {"t": np.zeros(1)}, {})


def begin(course: TrainCourse, folder: Path, done: int) -> None:
    course.begin(Started(4, done, 1, 6, 2, SCORES), folder)


def test_it_begins_with_the_epochs_of_earlier_sessions_alone(
    course: TrainCourse, tmp_path: Path
) -> None:
    save_epochs(tmp_path / "run", 3)  # one of them while the message was on its way
    begin(course, tmp_path / "run", 2)
    assert course.curve.points == ((1, 1, 2, 0.6, 0.4), (2, 0.5, 1, 0.6, 0.4))
    course.add(EpochEnded(3, 4, 0.3, 0.2, SCORES, "nothing.png", 1.0))
    assert [point[0] for point in course.curve.points] == [1, 2, 3]
    assert course.preview.isHidden()


def test_a_part_is_told_of_when_it_appears_and_not_again(
    course: TrainCourse, tmp_path: Path
) -> None:
    seen: list[object] = []
    course.appeared.connect(seen.append)
    assert course.isHidden()
    begin(course, tmp_path, 0)
    picture = tmp_path / "1.png"
    iio.imwrite(picture, np.zeros((20, 60, 3), np.uint8))
    for number in (1, 2):
        course.add(EpochEnded(number, 4, 1.0, 1.0, SCORES, str(picture), 1.0))
    assert seen == [course.curve, course.preview]
    course.clear()
    assert course.isHidden()
    assert course.preview.isHidden()
