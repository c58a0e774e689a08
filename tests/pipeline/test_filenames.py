from __future__ import annotations

import pytest

from napari_nuclei.pipeline.filenames import is_portable, key


@pytest.mark.parametrize(
    "stem",
    ["a", "img (1)", "a+b#c,d=e", "_a", "-a", "a.b", "Zellen äöü", "細胞", "confocal", "x" * 200],
)
def test_ordinary_names_are_those_of_files(stem: str) -> None:
    assert is_portable(stem)


@pytest.mark.parametrize(
    "stem",
    [
        *("", " ", "..", ".a", "a.", "a ", "x" * 201, "細" * 67, "\ud800"),
        *(f"a{sign}b" for sign in '\\/:*?"<>|\0\n\x7f'),
        *("con", "AUX", "Nul.txt", "com1 .x"),
    ],
)
def test_what_some_system_refuses_is_no_name(stem: str) -> None:
    assert not is_portable(stem)


def test_names_that_some_system_takes_for_one_have_one_key() -> None:
    assert key("Cells \u00e9") == key("cells E\u0301") == key("CELLS \u00c9")
    assert key("cells") != key("cells 2")
