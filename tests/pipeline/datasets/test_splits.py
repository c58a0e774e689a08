from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_nuclei.errors import DatasetError
from napari_nuclei.pipeline.datasets.splits import Split, draw_validation, read_splits

KINDS = st.dictionaries(st.text(min_size=1), st.sampled_from(["fluo", "stained", "bright"]))
FRACTIONS = st.floats(0.01, 0.99)
SEEDS = st.integers(0, 2**32)


@pytest.fixture
def splits_file(tmp_path):
    """Return a function that writes a splits file."""

    def write(text, encoding="utf-8"):
        path = tmp_path / "splits.csv"
        path.write_text(text, encoding=encoding)
        return path

    return write


def test_reads_kind_and_split_of_each_image(splits_file):
    path = splits_file("image_id,kind,split\na,fluo,train\nb,stained,val\n")
    assert read_splits(path) == {"a": Split("fluo", "train"), "b": Split("stained", "val")}


def test_spreadsheet_files_with_a_mark_and_another_order_are_read(splits_file):
    path = splits_file("split,note,image_id,kind\r\nval,x,a,fluo\r\n", encoding="utf-8-sig")
    assert read_splits(path) == {"a": Split("fluo", "val")}


@pytest.mark.parametrize("text", ["image_id,split\na,val\n", ""])
def test_missing_column_is_named(splits_file, text):
    missing = "kind" if text else "image_id"
    with pytest.raises(DatasetError, match=rf"splits\.csv lacks the column {missing}"):
        read_splits(splits_file(text))


@pytest.mark.parametrize("line", ["b,fluo", "b,,val"])
def test_missing_value_is_refused_with_its_line(splits_file, line):
    path = splits_file(f"image_id,kind,split\na,fluo,train\n{line}\n")
    with pytest.raises(DatasetError, match=r"splits\.csv, line 3, lacks a value"):
        read_splits(path)


def test_image_named_twice_is_refused(splits_file):
    path = splits_file("image_id,kind,split\na,fluo,train\na,fluo,val\n")
    with pytest.raises(DatasetError, match=r"splits\.csv, line 3, names a again"):
        read_splits(path)


def test_missing_file_is_named(tmp_path):
    with pytest.raises(DatasetError, match=r"gone\.csv cannot be read"):
        read_splits(tmp_path / "gone.csv")


def test_file_that_is_no_text_is_named(tmp_path):
    (tmp_path / "splits.csv").write_bytes(b"\xff\xfe\x00\x81")
    with pytest.raises(DatasetError, match=r"splits\.csv cannot be read"):
        read_splits(tmp_path / "splits.csv")


@given(KINDS, FRACTIONS, SEEDS)
def test_both_sides_get_images_and_about_the_share_asked_for(kinds, fraction, seed):
    chosen = draw_validation(kinds, fraction, seed)
    assert chosen <= kinds.keys()
    if len(kinds) < 2:
        assert not chosen
    else:
        assert 1 <= len(chosen) < len(kinds)
        assert abs(len(chosen) - fraction * len(kinds)) <= 1


@given(KINDS, FRACTIONS, SEEDS, st.randoms())
def test_order_of_the_files_plays_no_part(kinds, fraction, seed, random):
    shuffled = list(kinds.items())
    random.shuffle(shuffled)
    assert draw_validation(dict(shuffled), fraction, seed) == draw_validation(kinds, fraction, seed)


@given(KINDS, FRACTIONS, SEEDS)
def test_each_kind_gets_its_share(kinds, fraction, seed):
    chosen = draw_validation(kinds, fraction, seed)
    drawn = Counter(kinds[name] for name in chosen)
    for kind, count in Counter(kinds.values()).items():
        # A stretch of n ids holds the fixed-step picks to within one.
        assert abs(drawn[kind] - len(chosen) * count / len(kinds)) <= 1


def test_seeds_differ():
    kinds = {str(i): "fluo" for i in range(50)}
    assert draw_validation(kinds, 0.2, 0) != draw_validation(kinds, 0.2, 1)


@pytest.mark.parametrize("fraction", [0.0, 1.0, -0.1, float("nan")])
def test_fraction_that_is_none_is_refused(fraction):
    with pytest.raises(DatasetError, match=f"validation fraction {fraction} is not between 0 and"):
        draw_validation({"a": "fluo", "b": "fluo"}, fraction, 0)
