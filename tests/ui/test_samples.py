"""File > Open Sample, through napari."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from napari.layers import Image, Labels
from napari.utils import progress
from numpy.testing import assert_array_equal

from napari_nuclei.errors import DownloadError

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    import numpy as np
    from napari.viewer import Viewer
    from numpy.typing import NDArray


def test_bundled_sample_opens_as_image_and_truth(
    viewer: Viewer, sample: tuple[NDArray[Any], NDArray[np.int32]]
) -> None:
    image, truth = viewer.open_sample("napari-nuclei", "dsb2018")
    assert isinstance(image, Image)
    assert isinstance(truth, Labels)
    assert_array_equal(image.data, sample[0])
    assert_array_equal(truth.data, sample[1])
    assert (image.name, image.colormap.name, image.rgb) == ("Fluorescence", "gray", False)
    assert (truth.name, truth.visible) == ("Fluorescence truth", False)
    assert not progress._all_instances


def test_offline_is_one_sentence_and_leaves_no_layer(viewer: Viewer) -> None:
    with pytest.raises(DownloadError, match=r"could not be downloaded .* check the internet"):
        viewer.open_sample("napari-nuclei", "stained")
    assert not viewer.layers
    assert not progress._all_instances


@pytest.mark.parametrize(
    ("key", "rgb"),
    [
        ("fluorescence_small", False),
        ("fluorescence_large", False),
        ("fluorescence_crowded", False),
        ("stained", True),
        ("brightfield", False),
    ],
)
def test_samples_of_a_local_copy(
    key: str, rgb: bool, viewer: Viewer, dsb2018_zip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NAPARI_NUCLEI_DATA", str(dsb2018_zip))
    image, truth = viewer.open_sample("napari-nuclei", key)
    assert image.rgb is rgb
    assert truth.data.shape == image.data.shape[:2]
    assert truth.data.max() > 10
