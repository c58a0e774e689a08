from __future__ import annotations

from pathlib import Path

import numpy as np

from napari_nuclei.core.blocks import BlockGrid, Spill
from napari_nuclei.pipeline.blocks.files import BlockFolder, FinishedBlock, Place

GRID = BlockGrid((4, 6), 3)
PLACE = Place((5,), GRID.block(0, 1))
LABELS = np.array([[0, 1, 1], [2, 0, 0], [2, 0, 0]], np.uint8)
SPILL = Spill(np.array([3, 3]), np.array([3, 4]), np.array([2, 2]))
TABLE = {"index": np.array([1, 2]), "area": np.array([2.0, 4.0])}


def test_a_finished_block_comes_back(tmp_path: Path) -> None:
    folder = BlockFolder(tmp_path)
    assert not folder.has(PLACE)
    folder.save(PLACE, FinishedBlock(LABELS, SPILL, TABLE))
    assert folder.has(PLACE)
    assert not folder.has(Place((5,), GRID.block(1, 0)))
    assert not folder.has(Place((6,), PLACE.block))
    labels = folder.read_labels(PLACE)
    assert labels.dtype == np.uint8
    np.testing.assert_array_equal(labels, LABELS)
    for name, values in vars(folder.read_spill(PLACE)).items():
        np.testing.assert_array_equal(values, getattr(SPILL, name))
    table = folder.read_table(PLACE)
    assert {name: column.tolist() for name, column in table.items()} == {
        "index": [1, 2],
        "area": [2.0, 4.0],
    }
    assert folder.count(PLACE) == 2


def test_runs_of_equal_records_share_their_blocks_and_no_others(tmp_path: Path) -> None:
    folder = BlockFolder(tmp_path)
    first = folder.of_run({"a": 1, "b": 2})
    first.save(PLACE, FinishedBlock(LABELS, SPILL, TABLE))
    assert folder.of_run({"b": 2, "a": 1}).has(PLACE)
    assert not folder.of_run({"a": 1, "b": 3}).has(PLACE)


def test_a_record_comes_back(tmp_path: Path) -> None:
    folder = BlockFolder(tmp_path / "new")
    assert folder.read_record() is None
    folder.write_record({"request": {"pixel_um": None}})
    assert folder.read_record() == {"request": {"pixel_um": None}}
