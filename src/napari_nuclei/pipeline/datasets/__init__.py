"""Data sets of nuclei: DSB2018 (folder or zip), the course layout, and image/label pairs."""

from __future__ import annotations

from napari_nuclei.pipeline.datasets.dataset import (
    Dataset,
    Summary,
    describe,
    open_dataset,
    split_by_image,
)
from napari_nuclei.pipeline.datasets.items import Item
from napari_nuclei.pipeline.datasets.splits import Split, read_splits

__all__ = [
    "Dataset",
    "Item",
    "Split",
    "Summary",
    "describe",
    "open_dataset",
    "read_splits",
    "split_by_image",
]
