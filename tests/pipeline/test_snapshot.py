from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from napari_nuclei.errors import DatasetError
from napari_nuclei.pipeline.projects import Pair, Project
from napari_nuclei.pipeline.snapshot import describe_pairs, read_pairs, take_snapshot

LABELS = np.array([[1, 1, 0, 2], [1, 1, 0, 2]], np.int32)
PAIR = Pair("cells", LABELS.astype(np.uint8), LABELS)


def test_a_snapshot_takes_the_place_of_what_an_interrupted_one_left(tmp_path: Path) -> None:
    Project(tmp_path / "copy").save(replace(PAIR, name="left"))
    Project(tmp_path / "project").save(PAIR)
    take_snapshot(str(tmp_path / "project"), tmp_path / "copy")
    (copied,) = read_pairs(tmp_path / "copy")
    assert copied.name == "cells"
    np.testing.assert_array_equal(copied.labels, LABELS)


def test_no_images_are_no_pairs(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="there are no images to learn from"):
        list(read_pairs(tmp_path / "nowhere"))


def test_pairs_are_told_apart_by_what_is_learnt_from() -> None:
    half = np.indices(LABELS.shape)[1] < 2
    others = [
        replace(PAIR, image=PAIR.image.astype(np.uint16)),
        replace(PAIR, labels=LABELS[:, ::-1]),
        replace(PAIR, checked=half),
    ]
    described = describe_pairs([PAIR, *others, replace(PAIR, name="same")])
    assert [pair["checked_nuclei"] for pair in described] == [2, 2, 2, 1, 2]
    sums = [pair["sha256"] for pair in described]
    assert len(set(sums[:4])) == 4
    assert sums[4] == sums[0]
