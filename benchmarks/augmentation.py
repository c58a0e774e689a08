"""The augmentation of StarDist's example notebook for training in 2D.

Flips, quarter turns, brightness and noise: ``examples/2D/2_training.ipynb`` of StarDist, section
"Data Augmentation". What it draws and how far is theirs.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

_GAIN = (0.6, 2.0)
_OFFSET = (-0.2, 0.2)
_MAX_NOISE = 0.02


def augment(
    image: NDArray[np.floating[Any]], labels: NDArray[np.integer[Any]], rng: np.random.Generator
) -> tuple[NDArray[np.floating[Any]], NDArray[np.integer[Any]]]:
    """Turn image and labels together at random, then vary the light of the image.

    Parameters
    ----------
    image : ndarray of float, shape (Y, X) or (Y, X, C)
        Normalised: most values between 0 and 1.
    labels : ndarray of int, shape (Y, X)
        Its nuclei.
    rng : numpy.random.Generator
        The same state gives the same result.

    Returns
    -------
    image, labels : ndarray
        (X, Y) where the axes were swapped.
    """
    if rng.random() < 0.5:
        image, labels = image.swapaxes(0, 1), labels.swapaxes(0, 1)
    flipped = tuple(axis for axis in (0, 1) if rng.random() < 0.5)
    image, labels = np.flip(image, flipped), np.flip(labels, flipped)
    lit = image * rng.uniform(*_GAIN) + rng.uniform(*_OFFSET)
    return lit + rng.uniform(0, _MAX_NOISE) * rng.standard_normal(image.shape), labels
