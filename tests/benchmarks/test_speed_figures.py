"""What the speed bench makes of its timings; nothing is timed here."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import end_to_end, engines, images, stages
from benchmarks.clock import Timing
from benchmarks.end_to_end import OURS, STARDIST, Case

BARE = engines.speed_of("ONNX Runtime", 8, Timing(0.2, 0.1, 0.16), 0.5e9, 100.0)


def test_speed_of_an_engine_is_that_of_its_best_batch() -> None:
    assert BARE.tiles_per_s == pytest.approx(80)
    assert BARE.gflops == pytest.approx(40)
    assert BARE.share_of_matrix_product == pytest.approx(0.4)
    assert BARE.cpu_ms_per_tile == pytest.approx(20)


def test_the_best_batch_size_of_an_engine_counts() -> None:
    slow = engines.speed_of("ONNX Runtime", 1, Timing(0.2, 0.1, 0.1), 0.5e9, 100.0)
    other = engines.speed_of("TensorFlow", 8, Timing(0.01, 0.01, 0.01), 0.5e9, 100.0)

    assert engines.best([slow, BARE, other]) is BARE


def test_table_of_engines_has_a_row_for_each_batch_size() -> None:
    assert engines.format_engines([BARE]).splitlines() == [
        "engine        batch  tiles/s  GFLOP/s  of matrix product  CPU ms a tile",
        "ONNX Runtime      8       80       40                40%           20.0",
    ]


def test_images_are_compared_by_megapixels_and_tiles() -> None:
    case = Case("1024 x 1024 px", 2.0, 100, {OURS: 2.5, STARDIST: 4.0})

    assert case.rate(OURS) == pytest.approx(0.8)
    assert case.share_of_network(BARE) == pytest.approx(0.5)
    assert end_to_end.format_cases([case], BARE).splitlines()[1].split() == (
        ["1024", "x", "1024", "px", "2.50", "0.80", "50%", "0.50", "1.60"]
    )


def test_what_was_not_measured_is_left_empty() -> None:
    case = Case("real", 2.0, 0, {OURS: 2.5})

    assert end_to_end.format_cases([case], BARE).splitlines()[1].split() == ["real", "2.50", "0.80"]


def test_colours_do_not_count_as_pixels() -> None:
    assert end_to_end.megapixels([np.zeros((1000, 500, 3)), np.zeros((1000, 500))]) == 1.0


def test_shares_of_stages_sum_to_one() -> None:
    assert stages.shares({"network": 3.0, "table": 1.0}) == {"network": 0.75, "table": 0.25}


def test_a_stage_that_comes_again_is_added() -> None:
    watch = stages.Stages()
    for _ in range(2):
        with watch.time("tile"):
            pass

    assert list(watch.seconds) == ["tile"]
    assert watch.seconds["tile"] >= 0


def test_an_image_is_repeated_and_cut() -> None:
    plane = np.array([[1, 2], [3, 4]])

    assert images.repeated(plane, 3).tolist() == [[1, 2, 1], [3, 4, 3], [1, 2, 1]]


@pytest.mark.parametrize(("count", "kept"), [(3, [0, 2, 4]), (9, [0, 1, 2, 3, 4])])
def test_images_are_taken_from_all_over_the_data_set(count: int, kept: list[int]) -> None:
    assert images.spread(list(range(5)), count) == kept  # type: ignore[arg-type, comparison-overlap]
