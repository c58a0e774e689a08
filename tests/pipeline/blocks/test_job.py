from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_nuclei.errors import InputError
from napari_nuclei.pipeline.blocks.images import as_large_image
from napari_nuclei.pipeline.blocks.job import BlockJob
from napari_nuclei.pipeline.segment import SegmentOptions

IMAGE = as_large_image(np.zeros((4, 6)))


@pytest.mark.parametrize(
    ("output", "table"),
    [
        ("cells_labels.ome.zarr", "cells_nuclei.csv"),
        ("cells_labels.zarr", "cells_nuclei.csv"),
        ("a.b.zarr", "a.b_nuclei.csv"),
    ],
)
def test_the_table_lies_beside_the_labels(output: str, table: str, tmp_path: Path) -> None:
    job = BlockJob(IMAGE, tmp_path / output, SegmentOptions())
    assert job.result_table == job.table == tmp_path / table
    assert job.folder.path == tmp_path / f"{output}.unfinished"


def test_a_mask_has_no_table(tmp_path: Path) -> None:
    job = BlockJob(IMAGE, tmp_path / "a.zarr", SegmentOptions(semantic=True))
    assert job.result_table is None


def test_output_is_a_zarr(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"ends with \.zarr"):
        BlockJob(IMAGE, tmp_path / "labels.tif", SegmentOptions())
