from __future__ import annotations

from dataclasses import replace

import numpy as np

from benchmarks.inference import VARIANTS
from napari_nuclei.model import store
from napari_nuclei.pipeline.samples import read_sample


def test_a_random_walk_parts_the_nuclei_that_the_watershed_parts() -> None:
    image, shipped = read_sample("dsb2018").image[:256, :256], store.load_model()
    # One that is as small as the smallest area would be dropped from one of both.
    thresholds = replace(shipped.thresholds, min_area_px=0)
    model = replace(shipped, manifest=replace(shipped.manifest, thresholds=thresholds))
    flooded, walked = (VARIANTS[name].use(image, model) for name in ("shipped", "walker"))
    connected = VARIANTS["connected"].use(image, model)
    assert walked.max() == flooded.max() > connected.max()
    np.testing.assert_array_equal(walked > 0, flooded > 0)
