from __future__ import annotations

from collections.abc import Generator

from napari_nuclei.pipeline.steps import mapped, result_of


def count_to_two() -> Generator[int, None, str]:
    yield 1
    yield 2
    return "done"


def test_the_result_comes_after_all_steps() -> None:
    seen: list[int] = []
    assert result_of(count_to_two(), seen.append) == "done"
    assert seen == [1, 2]
    assert result_of(count_to_two()) == "done"


def test_steps_are_changed_and_the_result_is_not() -> None:
    seen: list[str] = []
    assert result_of(mapped(count_to_two(), str), seen.append) == "done"
    assert seen == ["1", "2"]
