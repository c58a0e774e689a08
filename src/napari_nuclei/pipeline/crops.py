"""Batches of training crops: the same for the same seed, prepared while the network works."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_nuclei.core import augment

_AHEAD = 4


@dataclass(frozen=True)
class Batch:
    """Crops for one step.

    Attributes
    ----------
    images : numpy.ndarray
        Shape (N, T, T, 3), float32, in [0, 1].
    targets : numpy.ndarray
        Shape (N, T, T, 4), float32, as `napari_nuclei.core.targets.make_targets`.
    """

    images: NDArray[np.float32]
    targets: NDArray[np.float32]


@dataclass(frozen=True)
class CropSampler:
    """Draws crops from a set of images.

    Attributes
    ----------
    sources : sequence of Source
    probabilities : numpy.ndarray
        Shape (len(sources),): how often an image is drawn.
    options : AugmentOptions
    tile_px, batch_size, batches, seed : int
        `batches` is the number of batches in an epoch.
    """

    sources: Sequence[augment.Source]
    probabilities: NDArray[np.float64]
    options: augment.AugmentOptions
    tile_px: int
    batch_size: int
    batches: int
    seed: int

    def epoch(self, epoch: int) -> Iterator[Batch]:
        """Yield the batches of an epoch; each depends on seed, epoch and its own place alone."""
        return _prefetch(lambda index: self._batch(epoch, index), self.batches)

    def _batch(self, epoch: int, index: int) -> Batch:
        rng = np.random.default_rng((self.seed, epoch, index))
        chosen = rng.choice(len(self.sources), self.batch_size, p=self.probabilities)
        crops = [
            augment.random_crop(self.sources[i], self.tile_px, self.options, rng) for i in chosen
        ]
        return make_batch(crops)


def make_batch(crops: Sequence[augment.Crop]) -> Batch:
    """Put crops of one size together."""
    return Batch(np.stack([c.image for c in crops]), np.stack([c.target for c in crops]))


def balance_kinds(kinds: Sequence[str]) -> NDArray[np.float64]:
    """Return how often to draw each image, so that rare kinds are seen often enough.

    A kind is drawn in proportion to the square root of its number of images.
    """
    counts = Counter(kinds)
    weights: NDArray[np.float64] = np.array([counts[kind] ** -0.5 for kind in kinds])
    return np.asarray(weights / weights.sum())


def _prefetch(make: Callable[[int], Batch], count: int) -> Iterator[Batch]:
    with ThreadPoolExecutor(max_workers=1) as executor:
        pending: deque[Future[Batch]] = deque()
        for index in range(count):
            pending.append(executor.submit(make, index))
            if len(pending) > _AHEAD:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
