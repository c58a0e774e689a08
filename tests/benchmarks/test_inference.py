from __future__ import annotations

import numpy as np

from benchmarks.inference import VARIANTS
from napari_nuclei.model import store
from napari_nuclei.pipeline.samples import read_sample


def test_a_random_walk_parts_the_nuclei_that_the_watershed_parts() -> None:
    image, model = read_sample("dsb2018").image[:256, :256], store.load_model()
    flooded, walked = (VARIANTS[name].use(image, model) for name in ("shipped", "walker"))
    connected = VARIANTS["connected"].use(image, model)
    assert walked.max() == flooded.max() > connected.max()
    np.testing.assert_array_equal(walked > 0, flooded > 0)
