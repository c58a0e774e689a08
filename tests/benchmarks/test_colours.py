from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from skimage.io import imsave

from benchmarks.colours import CHANGES, Recoloured, tissue
from napari_nuclei.pipeline.datasets import Dataset, open_dataset

PIXELS = np.array([[[200, 100, 0], [255, 255, 255]]], np.uint8)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("as-they-are", [[200, 100, 0], [255, 255, 255]]),
        ("red-green", [[100, 200, 0], [255, 255, 255]]),
        ("red-blue", [[0, 100, 200], [255, 255, 255]]),
        ("hue-third", [[0, 200, 100], [255, 255, 255]]),
        ("hue-two-thirds", [[100, 0, 200], [255, 255, 255]]),
        ("grey", [[100, 100, 100], [255, 255, 255]]),
        ("faint", [[233, 193, 153], [255, 255, 255]]),
    ],
)
def test_colours_change_and_white_stays_white(name: str, expected: list[list[int]]) -> None:
    assert CHANGES[name](PIXELS).tolist() == [expected]


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    """Ten images of each of three kinds."""
    for folder in ("images", "labels"):
        (tmp_path / folder).mkdir()
    kinds = ["brightfield", "fluorescence", "stained"]
    for number in range(30):
        imsave(tmp_path / "images" / f"{number:02}.png", PIXELS, check_contrast=False)
        labels = np.ones((1, 2), np.uint8)
        imsave(tmp_path / "labels" / f"{number:02}.png", labels, check_contrast=False)
    found = open_dataset(tmp_path)
    items = tuple(replace(item, kind=kinds[int(item.id) % 3]) for item in found.items)
    return replace(found, items=items)


def test_a_recoloured_image_keeps_its_nuclei(dataset: Dataset) -> None:
    recoloured = Recoloured(dataset.items[0], CHANGES["red-blue"])
    assert recoloured.read_image().tolist() == [[[0, 100, 200], [255, 255, 255]]]
    assert recoloured.read_labels().tolist() == dataset.items[0].read_labels().tolist()


def test_scored_are_held_out_images_in_colour_and_some_stained_ones(dataset: Dataset) -> None:
    # One of each kind is held out; of the nine other stained ones every fourth is taken.
    kinds = sorted(item.kind for item in tissue(dataset))
    assert kinds == ["brightfield"] + ["stained"] * 4
