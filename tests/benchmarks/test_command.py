"""The frame of the commands: names of choices, errors in one line."""

from __future__ import annotations

from collections import Counter

import pytest

from benchmarks.command import chosen, exit_status, make_parser
from napari_nuclei.errors import InputError
from napari_nuclei.pipeline.datasets import read_splits


def test_without_names_all_are_chosen() -> None:
    assert chosen([], {"one": 1, "two": 2}) == ("one", "two")
    assert chosen(["two"], {"one": 1, "two": 2}) == ["two"]


def test_an_unknown_name_is_told_with_the_known_ones() -> None:
    with pytest.raises(InputError, match=r"^three is not known: choose of one, two\.$"):
        chosen(["one", "three"], ["one", "two"])


def test_names_may_stand_among_the_options() -> None:
    args = make_parser("some", "What.\n\nMore.", ["one"]).parse_intermixed_args(
        ["data.zip", "--splits", "splits.csv", "one"]
    )
    assert (args.dataset.name, args.splits.name, args.names) == ("data.zip", "splits.csv", ["one"])


def test_the_split_is_that_of_the_repository_if_none_is_given() -> None:
    splits = read_splits(make_parser("some", "What.").parse_args(["data.zip"]).splits)
    assert Counter(row.split for row in splits.values()) == {"train": 540, "val": 58}


def test_an_error_is_one_line_and_status_one(capsys: pytest.CaptureFixture[str]) -> None:
    def fail() -> None:
        raise InputError("No image.")

    assert exit_status(fail) == 1
    assert capsys.readouterr().err == "InputError: No image.\n"
    assert exit_status(lambda: None) == 0
