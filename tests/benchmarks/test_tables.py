from __future__ import annotations

from benchmarks.tables import aligned


def test_text_is_to_the_left_and_figures_are_to_the_right() -> None:
    rows = [("engine", "kind", "tiles/s"), ("a", "x", "5"), ("bb", "", "12345678")]

    assert aligned(rows, text_columns=2).splitlines() == [
        "engine  kind   tiles/s",
        "a       x            5",
        "bb            12345678",
    ]


def test_no_line_ends_with_spaces() -> None:
    assert aligned([("name", ""), ("a", "")]) == "name\na"
