from __future__ import annotations

from pathlib import Path

import numpy as np

from napari_nuclei.pipeline.tables import write_csv


def test_write_csv_has_a_header_and_a_row_a_nucleus(tmp_path: Path) -> None:
    table = {
        "index": np.array([1, 7], np.int32),
        "y": np.array([2.0, 1234.56789]),
        "mean_probability": np.array([0.1, 0.9], np.float32),
        "touches_border": np.array([False, True]),
    }

    write_csv(table, tmp_path / "out" / "nuclei.csv")

    assert (tmp_path / "out" / "nuclei.csv").read_bytes() == (
        b"index,y,mean_probability,touches_border\n1,2.0,0.1,False\n7,1234.5679,0.9,True\n"
    )


def test_write_csv_without_nuclei_writes_the_header(tmp_path: Path) -> None:
    write_csv({"index": np.zeros(0, int), "y": np.zeros(0)}, tmp_path / "nuclei.csv")
    assert (tmp_path / "nuclei.csv").read_text() == "index,y\n"


def test_write_csv_replaces_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "nuclei.csv"
    path.write_text("old")
    write_csv({"index": np.array([3])}, path)
    assert path.read_text() == "index\n3\n"
    assert list(tmp_path.glob(".*")) == []


def test_a_name_that_is_no_utf_8_is_written_all_the_same(tmp_path: Path) -> None:
    write_csv({"image": np.array(["a\udce9.png"], object)}, tmp_path / "images.csv")
    assert (tmp_path / "images.csv").read_text() == "image\na\\udce9.png\n"
