"""A model without a network, and images on disk."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr
from numpy.typing import NDArray

from napari_nuclei.core.diameter import DiameterRange
from napari_nuclei.core.instances import InstanceOptions
from napari_nuclei.core.targets import distance_to_edge


@dataclass
class FakeModel:
    """Takes red for the nucleus probability and blue for the distance to the edge."""

    name: str = "fake"
    sha256: str = "0" * 64
    folder: Path = Path("nowhere")
    thresholds: InstanceOptions = field(default_factory=lambda: InstanceOptions(min_area_px=4))
    diameters: DiameterRange = field(default_factory=lambda: DiameterRange(6, 45))
    batches: int = 0
    devices: set[str] = field(default_factory=set)
    before_batch: Callable[[int], None] = lambda number: None

    def predictor(self, batch_size: int, chosen: str = "auto") -> FakeModel:
        self.devices.add(chosen)
        return self

    def predict(self, tiles: NDArray[np.float32]) -> NDArray[np.float32]:
        self.batches += 1
        self.before_batch(self.batches)
        return tiles * np.array([1, 0, 1], np.float32)


@pytest.fixture
def model() -> FakeModel:
    return FakeModel()


def draw_nuclei(height: int, width: int, seed: int = 0) -> NDArray[np.float32]:
    """Draw the colours in which the fake model sees discs, many of which touch."""
    rng = np.random.default_rng(seed)
    y, x = np.indices((height, width))
    labels = np.zeros((height, width), int)
    for index in range(1, height * width // 300):
        cy, cx, radius_px = rng.uniform(0, height), rng.uniform(0, width), rng.uniform(2, 9)
        labels[(y - cy) ** 2 + (x - cx) ** 2 <= radius_px**2] = index
    nucleus = labels > 0
    return np.stack([nucleus, 0 * nucleus, distance_to_edge(labels)], -1).astype(np.float32)


@pytest.fixture(scope="session")
def picture() -> NDArray[np.float32]:
    """Return an image of 180 x 230 px, (Y, X, 3)."""
    return draw_nuclei(180, 230)


@pytest.fixture
def write_ome_zarr(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes an OME-Zarr image of one level, of version 0.4 or 0.5."""

    def write(
        array: NDArray[Any],
        axes: str,
        scale: list[float],
        unit: str = "micrometer",
        version: str = "0.4",
        name: str = "cells.ome.zarr",
    ) -> Path:
        path = tmp_path / name
        group = zarr.create_group(path, zarr_format=2 if version == "0.4" else 3)
        group.create_array("full", data=array, chunks=tuple(min(64, n) for n in array.shape))
        units = {axis: unit for axis in axes if axis in "zyx"}
        described = [{"name": axis} | ({"unit": unit} if axis in units else {}) for axis in axes]
        transformations = [{"type": "scale", "scale": scale}]
        level = {"path": "full", "coordinateTransformations": transformations}
        image = {"axes": described, "datasets": [level]}
        group.attrs.update(
            {"multiscales": [image]}
            if version == "0.4"
            else {"ome": {"version": version, "multiscales": [image]}}
        )
        return path

    return write
