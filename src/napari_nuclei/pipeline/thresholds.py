"""Choose the thresholds with which a network separates nuclei best."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_nuclei.core import images, metrics
from napari_nuclei.core.instances import InstanceOptions, label_nuclei
from napari_nuclei.pipeline.scale import predict_known

if TYPE_CHECKING:
    from napari_nuclei.core.diameter import DiameterRange
    from napari_nuclei.model.predictor import Predictor
    from napari_nuclei.pipeline.datasets import Item

_PROBABILITIES = (0.4, 0.5, 0.6)
_SEPARATIONS = (0.2, 0.25, 0.3, 0.35, 0.4, 0.5)
_TIE = 0.005


def choose_thresholds(
    network: Predictor, items: Sequence[Item], diameters: DiameterRange
) -> InstanceOptions:
    """Return the most ordinary thresholds among those with nearly the highest mean AP.

    A difference of a few thousandths on a few images is chance; of the candidates within `_TIE` of
    the best, the one next to the defaults is the safest on other images.

    Parameters
    ----------
    network : Predictor
        Trained.
    items : sequence of Item
        Images that the network was not trained on, at least one.
    diameters : DiameterRange
        The sizes of nuclei that the network knows; those of the images are taken from their labels.
    """
    candidates = [InstanceOptions(p, s) for p, s in product(_PROBABILITIES, _SEPARATIONS)]
    scores = np.array([_scores(network, item, diameters, candidates) for item in items])
    means = scores.mean(axis=0)
    good = [c for c, mean in zip(candidates, means, strict=True) if mean >= means.max() - _TIE]
    return min(good, key=_distance_from_defaults)


def _distance_from_defaults(options: InstanceOptions) -> float:
    usual = InstanceOptions()
    return abs(options.probability - usual.probability) + abs(options.separation - usual.separation)


def _scores(
    network: Predictor,
    item: Item,
    diameters: DiameterRange,
    candidates: Sequence[InstanceOptions],
) -> NDArray[np.float64]:
    truth = item.read_labels()
    maps = predict_known(images.prepare(item.read_image()), truth, network, diameters)
    found = (label_nuclei(maps, candidate) for candidate in candidates)
    return np.array([metrics.score(truth, labels).mean_ap for labels in found])
