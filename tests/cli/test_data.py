from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import imageio.v3 as iio
import numpy as np

if TYPE_CHECKING:
    from conftest import Command


def test_info_says_what_is_there(command: Command, pairs: Path) -> None:
    done = command("data", "info", pairs, "--nuclei")
    assert (done.status, done.err) == (0, "")
    assert done.out.splitlines() == [
        "layout: pairs",
        "images: 3",
        "mask files: 3",
        "sizes (height x width): 40 x 60: 3",
        "nuclei: 6",
    ]


def test_info_shows_the_parts_and_the_most_frequent_sizes(command: Command, tmp_path: Path) -> None:
    for number, height in enumerate((1, 2, 3, 4, 5, 6, 7, 7)):
        part = "test" if height == 1 else "train"
        for folder in ("inputs", "masks"):
            path = tmp_path / "data" / part / folder / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            iio.imwrite(path, np.zeros((height, 8), np.uint8))
    done = command("data", "info", tmp_path / "data")
    sizes, parts = done.out.splitlines()[-2:]
    assert sizes.startswith("sizes (height x width): 7 x 8: 2, ")
    assert sizes.endswith(", 2 other sizes")
    assert parts == "parts: test 1, train 7"


def test_info_names_the_file_that_is_wrong(command: Command, pairs: Path) -> None:
    (pairs / "labels" / "b.png").unlink()
    done = command("data", "info", pairs)
    assert (done.status, done.out, done.err.count("\n")) == (1, "", 1)
    assert str(pairs / "images" / "b.png") in done.err
