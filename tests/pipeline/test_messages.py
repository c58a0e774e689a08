from __future__ import annotations

import pytest

from napari_nuclei.pipeline.before_after import BeforeAfter, Figures, Report
from napari_nuclei.pipeline.messages import (
    EpochEnded,
    Failed,
    Finished,
    Message,
    Started,
    from_line,
    to_line,
)

FIGURES = Figures(0.25, 0.5, 7)
REPORT = Report(
    BeforeAfter(FIGURES, FIGURES), BeforeAfter(FIGURES, FIGURES), 9, 1, 0.5, 3, 4, "stopped", 12.5
)


@pytest.mark.parametrize(
    "message",
    [
        Started(6, 2, 3, 41, 7, FIGURES),
        EpochEnded(3, 6, 0.5, 0.75, FIGURES, "run/pictures/ä.png", 5.5),
        Finished("run/model", REPORT),
        Failed('no room on "disk"\nat all'),
    ],
    ids=lambda message: type(message).__name__,
)
def test_a_message_survives_its_line(message: Message) -> None:
    line = to_line(message)
    assert "\n" not in line
    assert from_line(line) == message


@pytest.mark.parametrize(
    "line", ["", "I0000 cuda", "[]", "3", "{}", '{"message": "Gone"}', '{"message": "Failed"}']
)
def test_what_a_library_prints_is_no_message(line: str) -> None:
    assert from_line(line) is None
