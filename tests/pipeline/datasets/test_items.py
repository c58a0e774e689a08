from __future__ import annotations

import numpy as np
import pytest

from napari_nuclei.errors import DatasetError
from napari_nuclei.pipeline.datasets.items import make_item
from napari_nuclei.pipeline.datasets.labels import read_label_image


@pytest.fixture
def item(stored):
    image = stored("images/x.png", np.zeros((2, 3), np.uint8))
    label = stored("labels/x.png", np.array([[1, 0, 2]] * 2, np.uint8))
    return make_item("x", image, [label], read_label_image)


def test_knows_its_size_before_it_is_read(item):
    assert (item.shape, item.kind, item.group) == ((2, 3), "image", "")
    assert item.read_image().shape == item.read_labels().shape == (2, 3)


def test_image_that_changed_its_size_is_refused(item, write):
    write("images/x.png", np.zeros((2, 4), np.uint8))
    with pytest.raises(DatasetError, match=r"x\.png now has 2 x 4 pixels instead of 2 x 3"):
        item.read_image()


def test_labels_that_changed_their_size_are_refused(item, write):
    path = write("labels/x.png", np.zeros((1, 3), np.uint8))
    with pytest.raises(DatasetError, match="now has 1 x 3 pixels instead of 2 x 3") as caught:
        item.read_labels()
    assert str(path) in str(caught.value)
