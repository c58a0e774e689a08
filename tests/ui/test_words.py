"""The line that tells what a run will do, and what it found."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from napari_nuclei.ui.planes import Scope
from napari_nuclei.ui.words import describe_added, describe_result, describe_stopped, describe_task


@pytest.mark.parametrize(
    ("scope", "place", "seconds", "said"),
    [
        (Scope.PLANE, "", 1, "50 x 40 px"),
        (Scope.PLANE, "z 2 of 3", 1, "The plane shown is segmented (z 2 of 3): 50 x 40 px"),
        (Scope.ALL, "12 along z", 130, "All 12 planes are segmented: 50 x 40 px, about 2 min"),
        (Scope.VIEW, "", 1, "What is in view is segmented: 50 x 40 px"),
        (
            Scope.SHAPES,
            "z 2 of 3",
            20,
            "The inside of the selected shapes is segmented (z 2 of 3): 50 x 40 px, about 20 s",
        ),
    ],
)
def test_task_in_words(scope: Scope, place: str, seconds: float, said: str) -> None:
    planes = SimpleNamespace(shape=(40, 50), place=place, counts=(3, 4))
    assert describe_task(planes, scope, seconds) == said


@pytest.mark.parametrize(
    ("count", "diameter_px", "pixel_size_um", "is_estimated", "said"),
    [
        (1, None, None, True, "1 nucleus"),
        (0, None, 0.5, True, "0 nuclei"),
        (3, 22.6, None, True, "3 nuclei of about 23 px"),
        (3, 22.6, 0.5, True, "3 nuclei of about 23 px (11.3 µm)"),
        (3, 60.0, 0.5, False, "3 nuclei, diameter set to 60 px (30.0 µm)"),
    ],
)
def test_result_in_words(
    count: int,
    diameter_px: float | None,
    pixel_size_um: float | None,
    is_estimated: bool,
    said: str,
) -> None:
    recipe = {"options": {"semantic": False}}
    found = SimpleNamespace(recipe=recipe, n_nuclei=count, diameter_px=diameter_px)
    assert describe_result(found, pixel_size_um, is_estimated=is_estimated) == said


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (4, 4, "No epoch was added to 4: more training gains nothing. "),
        (1, 2, "1 epoch was added to 1. "),
        (1, 4, "3 epochs were added to 1. "),
        (0, 4, ""),
    ],
)
def test_what_more_training_did_in_words(before: int, after: int, said: str) -> None:
    assert describe_added(before, after) == said


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (0, 0, "before anything was learnt."),
        (0, 1, "after 1 epoch: Resume goes on from there."),
        (2, 2, "before another epoch was done: what was learnt before is still there."),
        (2, 3, "after 3 epochs: Resume goes on from there."),
    ],
)
def test_what_a_stopped_training_leaves_in_words(before: int, after: int, said: str) -> None:
    assert describe_stopped(before, after) == f"Stopped {said}"
