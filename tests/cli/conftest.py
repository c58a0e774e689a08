"""Run the command in this process, on small images and data sets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import imageio.v3 as iio
import numpy as np
import pytest

from napari_nuclei.cli import main


@dataclass(frozen=True)
class Outcome:
    """What a command left behind."""

    status: int
    out: str
    err: str


Command = Callable[..., Outcome]


@pytest.fixture
def command(capfd: pytest.CaptureFixture[str]) -> Command:
    """Return a function that runs ``napari-nuclei`` with its arguments; sees native output, too."""

    def run(*arguments: object) -> Outcome:
        status = main([str(argument) for argument in arguments])
        return Outcome(status, *capfd.readouterr())

    return run


@pytest.fixture
def cells(tmp_path: Path) -> Path:
    """Return an image file of 40 x 60 pixels with two bright squares."""
    return write_cells(tmp_path / "images" / "cells.png")


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    """Return a data set of three images with two nuclei each."""
    labels = np.zeros((40, 60), np.uint8)
    labels[5:15, 5:15], labels[20:32, 30:45] = 1, 2
    for name in "abc":
        write_cells(tmp_path / "pairs" / "images" / f"{name}.png")
        target = tmp_path / "pairs" / "labels" / f"{name}.png"
        target.parent.mkdir(exist_ok=True)
        iio.imwrite(target, labels)
    return tmp_path / "pairs"


def write_cells(path: Path) -> Path:
    image = np.full((40, 60), 10, np.uint8)
    image[5:15, 5:15] = image[20:32, 30:45] = 200
    path.parent.mkdir(parents=True, exist_ok=True)
    iio.imwrite(path, image)
    return path
