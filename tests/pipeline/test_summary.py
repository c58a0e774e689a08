from __future__ import annotations

import errno
from pathlib import Path

import pytest

from napari_nuclei.errors import InputError
from napari_nuclei.pipeline.summary import Failed, Segmented, is_summary, write_summary

IMAGE = Path("folder", "a.png")


@pytest.mark.parametrize(
    ("n_nuclei", "semantic", "words"),
    [(0, False, "0 nuclei"), (1, False, "1 nucleus"), (7, True, "12.5% nucleus")],
)
def test_what_was_found_in_words(n_nuclei: int, semantic: bool, words: str) -> None:
    assert Segmented(IMAGE, n_nuclei, 0.125, None, 1.0).in_words(semantic=semantic) == words


@pytest.mark.parametrize(
    ("reason", "explanation"),
    [
        (InputError(f"{IMAGE} is a single pixel."), "a.png is a single pixel."),
        (OSError(errno.ENOSPC, "No space left on device"), "No space left on device"),
        (OSError("it is gone"), "it is gone"),
    ],
)
def test_a_reason_goes_without_the_folder(reason: InputError | OSError, explanation: str) -> None:
    assert Failed(IMAGE, reason).explanation == explanation


def test_a_summary_is_known_again(tmp_path: Path) -> None:
    path = tmp_path / "summary.csv"
    done = Segmented(IMAGE, 7, 0.12345, 21.07, 1.0)
    write_summary(path, [done, Failed(IMAGE, OSError("gone"))], [IMAGE], semantic=False)
    assert path.read_text() == (
        "image,state,nuclei,nucleus_share,diameter_px,reason\n"
        "a.png,segmented,7,0.1235,21.1,\na.png,failed,,,,gone\na.png,waiting,,,,\n"
    )
    assert is_summary(path)
    path.write_text("image,state\n")
    assert not is_summary(path)
