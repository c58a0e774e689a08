from __future__ import annotations

from pathlib import Path

import imageio.v3 as iio
import numpy as np

from napari_nuclei.pipeline.results import Extras, image_of_results, result_paths, write_results
from napari_nuclei.pipeline.stack import StackSegmentation

NUCLEUS = np.array([[0, 0, 0, 0], [0, 1, 1, 0], [0, 1, 1, 0], [0, 0, 0, 0]], np.int32)


def write(folder: Path, pixels: np.ndarray, labels: np.ndarray, **extras: bool) -> None:
    found = StackSegmentation(labels, None, {}, {"image": "a.tif"}, ("z",))
    write_results(found, pixels, folder, "a", Extras(**extras))


def test_the_overlay_of_planes_has_the_contrast_of_all_of_them(tmp_path: Path) -> None:
    labels = np.stack([NUCLEUS, 0 * NUCLEUS, NUCLEUS])
    pixels = np.where(labels > 0, 100.0, 0.0)
    pixels[1] = [[0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0], [0, 0, np.nan, 50]]
    write(tmp_path, pixels, labels, overlay=True)
    drawn = iio.imread(tmp_path / "a_overlay.png")
    expected = np.zeros((4, 4, 3), np.uint8)
    expected[3, 3] = 128
    np.testing.assert_array_equal(drawn, expected)


def test_a_middle_plane_in_which_nothing_was_recorded_stops_no_overlay(tmp_path: Path) -> None:
    labels = np.stack([NUCLEUS, 0 * NUCLEUS, NUCLEUS])
    pixels = np.where(labels > 0, 100.0, 0.0)
    pixels[1] = np.nan
    write(tmp_path, pixels, labels, overlay=True)
    assert not iio.imread(tmp_path / "a_overlay.png").any()


def test_labels_tell_of_which_image_they_are(tmp_path: Path) -> None:
    assert image_of_results(tmp_path, "a") is None
    write(tmp_path, np.zeros((1, 4, 4)), NUCLEUS[np.newaxis])
    assert image_of_results(tmp_path, "a") == "a.tif"
    labels, *_ = result_paths(tmp_path, "a")
    labels.write_bytes(labels.read_bytes()[:20])
    assert image_of_results(tmp_path, "a") is None
