"""Parts of annotated images: some to learn from, others, of other pixels, to be tested on."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_nuclei.core import images
from napari_nuclei.core.augment import Source, make_source
from napari_nuclei.core.holdout import best_cut, without_divided
from napari_nuclei.core.instances import InstanceOptions, label_nuclei
from napari_nuclei.core.metrics import Scores, mean_scores, score
from napari_nuclei.core.review import count_checked, only_checked
from napari_nuclei.errors import DatasetError
from napari_nuclei.pipeline.datasets.splits import draw_validation
from napari_nuclei.pipeline.scale import predict_known

if TYPE_CHECKING:
    from napari_nuclei.core.diameter import DiameterRange
    from napari_nuclei.core.resampling import Window
    from napari_nuclei.model.predictor import Predictor
    from napari_nuclei.pipeline.projects import Pair

HELD_OUT_SHARE = 0.2
"""Of the checked nuclei, or from `ENOUGH_IMAGES` on of the images."""

ENOUGH_IMAGES = 5
"""From so many images on, whole ones are held out; of fewer, a part of each."""

_MARGIN_PX = 16


@dataclass(frozen=True)
class Region:
    """A part of an image, or all of it, prepared for the network.

    Attributes
    ----------
    id : str
        Name of the image.
    image : numpy.ndarray
        Shape (Y, X, 3), float32: cut from the image after `napari_nuclei.core.images.prepare`.
    labels : numpy.ndarray
        Shape (Y, X), int32.
    checked : numpy.ndarray
        Shape (Y, X), bool.
    """

    id: str
    image: NDArray[np.float32]
    labels: NDArray[np.int32]
    checked: NDArray[np.bool_]

    @cached_property
    def truth(self) -> NDArray[np.int32]:
        """The checked nuclei alone."""
        return only_checked(self.labels, self.checked)

    @property
    def n_checked(self) -> int:
        """Number of checked nuclei."""
        return count_checked(self.labels, self.checked)

    def source(self, diameters: DiameterRange) -> Source:
        """Return what training crops are taken from."""
        return make_source(self.image, self.labels, diameters, self.checked)


@dataclass(frozen=True)
class Split:
    """Regions that share no pixel: all of `training` on one side, all of `held_out` on the other.

    Attributes
    ----------
    training, held_out : tuple of Region
        Both with at least one checked nucleus.
    """

    training: tuple[Region, ...]
    held_out: tuple[Region, ...]


def hold_out(pairs: Sequence[Pair], seed: int) -> Split:
    """Split annotated images: whole images where there are enough, else a part of each.

    Parameters
    ----------
    pairs : sequence of Pair
        One is enough.
    seed : int
        Same seed, same split.

    Raises
    ------
    DatasetError
        When nothing can be held out: there are fewer than two checked nuclei, or they lie so that
        no straight line parts them.
    """
    known = [pair.name for pair in pairs if pair.n_checked]
    if len(known) >= ENOUGH_IMAGES:
        chosen = draw_validation(dict.fromkeys(known, ""), HELD_OUT_SHARE, seed)
        return _hold_out_whole(pairs, chosen)
    split = _cut_each(pairs)
    if not split.held_out and len(known) > 1:
        return _hold_out_whole(pairs, {known[-1]})
    if not split.held_out:
        raise DatasetError(
            "Fine-tuning needs two checked nuclei or more, side by side or in two images: one part "
            "to learn from and one to be tested on; correct or accept some more."
        )
    return split


def score_regions(
    predictor: Predictor,
    regions: Iterable[Region],
    thresholds: InstanceOptions,
    diameters: DiameterRange,
) -> Scores:
    """Score a network on what was checked of some regions.

    Parameters
    ----------
    predictor : Predictor
        What runs the network.
    regions : iterable of Region
        At least one.
    thresholds : InstanceOptions
        With which its maps become labels.
    diameters : DiameterRange
        The sizes of nuclei that it knows; those of the regions are taken from their labels.
    """
    scores = []
    for region in regions:
        found = find_nuclei(predictor, region, thresholds, diameters)
        scores.append(score(region.truth, only_checked(found, region.checked)))
    return mean_scores(scores)


def find_nuclei(
    predictor: Predictor, region: Region, thresholds: InstanceOptions, diameters: DiameterRange
) -> NDArray[np.int32]:
    """Return the nuclei that a network finds in a region; parameters as for `score_regions`."""
    return label_nuclei(predict_known(region.image, region.truth, predictor, diameters), thresholds)


def whole_region(pair: Pair) -> Region:
    """Return all of an annotated image as one region."""
    return _region(pair, (slice(0, pair.labels.shape[0]), slice(0, pair.labels.shape[1])))


def _hold_out_whole(pairs: Sequence[Pair], chosen: Collection[str]) -> Split:
    return Split(
        tuple(whole_region(pair) for pair in pairs if pair.name not in chosen),
        tuple(_framed(whole_region(pair)) for pair in pairs if pair.name in chosen),
    )


def _cut_each(pairs: Sequence[Pair]) -> Split:
    training, held_out = [], []
    for pair in pairs:
        cut = best_cut(pair.labels, pair.checked, HELD_OUT_SHARE)
        training.append(_region(pair, cut.training) if cut else whole_region(pair))
        if cut:
            held_out.append(_framed(_region(pair, cut.held_out)))
    return Split(tuple(training), tuple(held_out))


def _region(pair: Pair, window: Window) -> Region:
    return Region(
        pair.name,
        images.prepare(pair.image)[window],
        pair.labels[window],
        without_divided(pair.labels, pair.checked, window),
    )


def _framed(region: Region) -> Region:
    """Return the part of a region that has what was checked: the rest would only be predicted."""
    y, x = (np.flatnonzero(region.checked.any(axis=axis)) for axis in (1, 0))
    rows, columns = (slice(max(0, at[0] - _MARGIN_PX), at[-1] + 1 + _MARGIN_PX) for at in (y, x))
    window = rows, columns
    return Region(region.id, region.image[window], region.labels[window], region.checked[window])
