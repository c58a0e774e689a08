from __future__ import annotations

import numpy as np

from benchmarks.true_maps import mixed, true_maps
from napari_nuclei.core.instances import BORDER, DISTANCE, label_nuclei


def touching_squares() -> np.ndarray:
    labels = np.zeros((40, 40), np.int32)
    labels[4:20, 4:20] = 1
    labels[20:36, 4:20] = 2
    return labels


def test_true_maps_give_the_true_labels() -> None:
    labels = touching_squares()
    np.testing.assert_array_equal(label_nuclei(true_maps(labels, 1.0)), labels)


def test_they_are_those_of_the_size_in_which_the_network_sees_the_image() -> None:
    # A border is 5 px wide in what the network is shown: twice enlarged, half as wide here.
    narrow, wide = (true_maps(touching_squares(), zoom)[:, 10, BORDER].sum() for zoom in (2, 1))
    assert narrow < 0.6 * wide


def test_only_the_channels_asked_for_are_exchanged() -> None:
    predicted, true = np.zeros((1, 2, 3), np.float32), np.ones((1, 2, 3), np.float32)
    assert mixed(predicted, true, (BORDER, DISTANCE)).tolist() == [[[0, 1, 1], [0, 1, 1]]]
    assert not predicted.any()
