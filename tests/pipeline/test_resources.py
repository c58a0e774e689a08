"""What is said of time and memory before a run."""

from __future__ import annotations

from collections.abc import Generator
from types import SimpleNamespace

import psutil
import pytest

from napari_nuclei.errors import InputError
from napari_nuclei.pipeline import resources
from napari_nuclei.pipeline.prediction import Progress, TileOptions
from napari_nuclei.pipeline.resources import (
    Pace,
    Stopwatch,
    count_tiles,
    duration_in_words,
    keeps_maps,
    memory_refusal,
    needed_bytes,
    refuse_what_is_too_large,
)
from napari_nuclei.pipeline.steps import result_of


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (1, "about 10 s"),
        (44, "about 40 s"),
        (89, "about 90 s"),
        (100, "about 2 min"),
        (3000, "about 50 min"),
        (7300, "about 2 h"),
    ],
)
def test_durations_are_rounded(seconds: float, words: str) -> None:
    assert duration_in_words(seconds) == words


def test_tiles_are_those_of_the_resized_plane() -> None:
    assert count_tiles((128, 128), TileOptions()) == 1
    assert count_tiles((700, 700), TileOptions()) == 49
    assert count_tiles((350, 350), TileOptions(), 2.0) == 49


def test_time_grows_with_planes_and_falls_with_speed() -> None:
    assert Pace(7.0).seconds((700, 700), 2, TileOptions()) == 14
    assert Pace(14.0, enlargement=2.0).seconds((350, 350), 1, TileOptions()) == 3.5


def test_a_run_is_timed_from_its_first_tile(monkeypatch: pytest.MonkeyPatch) -> None:
    now_s = 0.0
    monkeypatch.setattr(resources, "monotonic", lambda: now_s)

    def work() -> Generator[Progress, None, str]:
        nonlocal now_s
        for seconds, done, total in [(7, 0, 0), (5, 0, 20), (2, 10, 20), (8, 20, 20)]:
            now_s += seconds
            yield Progress(done, total)
        now_s += 1
        return "labels"

    stopwatch = Stopwatch()
    assert stopwatch.pace(1.0) is None
    assert result_of(stopwatch.time(work())) == "labels"
    assert stopwatch.pace(0.5) == Pace(20 / 11, 0.5)


def test_memory_grows_with_planes_and_enlargement() -> None:
    one = needed_bytes((1000, 1000))
    assert needed_bytes((2, 1000, 1000)) - one == 1_000_000 * 24
    assert needed_bytes((1000, 1000), 3.0) > one
    assert needed_bytes((1000, 1000), 0.1) < one


def test_maps_are_kept_up_to_a_limit() -> None:
    assert keeps_maps((85, 1024, 1024))
    assert not keeps_maps((86, 1024, 1024))


def test_refusal_says_how_much_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    free = SimpleNamespace(available=3_200_000_000)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: free)
    assert memory_refusal((1000, 1000)) == ""
    reason = memory_refusal((10_000, 10_000))
    assert reason.startswith("This needs about 9.8 GB of memory and 3.2 GB are free: ")
    with pytest.raises(InputError, match=r"9\.8 GB"):
        refuse_what_is_too_large((10_000, 10_000), 1.0)
