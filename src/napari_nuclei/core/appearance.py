"""Random changes of an image's colours and sharpness: other stains, cameras and exposures."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.color import hed_from_rgb, rgb_from_hed

_DARKEST = 1 / 255
# Of a simulated stain: how bright each channel of the ground is, which share of it a nucleus lets
# pass, and how large and strong the tissue's grain is.
_GROUND_LIGHT = (0.6, 1.0)
_PASSED_LIGHT = (0.1, 0.7)
_GRAIN_PX = (0.5, 4.0)
_GRAIN = 0.1


@dataclass(frozen=True)
class AppearanceOptions:
    """How far the look of a crop may differ from that of its image.

    Attributes
    ----------
    gamma, contrast, brightness : float
        Largest deviation of the exponent (as a logarithm), of the factor and of the offset.
    colour : float
        Largest deviation of a single channel's factor; leaves grey images grey.
    stain : float
        Largest deviation of the factor of a single dye [1]_; leaves grey images grey.
    grey_share, inverted_share : float
        Share of the crops that lose their colours, and that become their negative.
    stained_share : float
        Share of the grey crops that are shown as if what is bright were stained: dark and coloured
        on a bright ground. So the network meets more stains than there are stained images.
    blur_px : float
        Largest sigma of the Gaussian blur.
    noise : float
        Largest standard deviation of the added noise.

    References
    ----------
    .. [1] Tellez et al., "Whole-slide mitosis detection in H&E breast histology using PHH3 as a
       reference to train distilled stain-invariant convolutional networks", IEEE TMI 37, 2018.
    """

    gamma: float = 0.35
    contrast: float = 0.25
    brightness: float = 0.1
    colour: float = 0.15
    stain: float = 0.3
    grey_share: float = 0.15
    inverted_share: float = 0.05
    stained_share: float = 0.25
    blur_px: float = 1.2
    noise: float = 0.06


UNCHANGED = AppearanceOptions(0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
"""Images as they are."""

CALM = AppearanceOptions(
    gamma=0.2,
    contrast=0.15,
    brightness=0.05,
    colour=0.08,
    stain=0.15,
    grey_share=0.08,
    inverted_share=0.03,
    stained_share=0.15,
    blur_px=0.8,
    noise=0.03,
)
"""About half as far from the image as usual."""


def vary(
    image: NDArray[np.float32], options: AppearanceOptions, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Vary the look of an image.

    Parameters
    ----------
    image : numpy.ndarray
        Shape (Y, X, C), float32, in [0, 1], with one channel for grey and three for colour.
    options : AppearanceOptions
        How far it may differ.
    rng : numpy.random.Generator
        The same state gives the same image.

    Returns
    -------
    numpy.ndarray
        Shape (Y, X, 3), float32, in [0, 1].
    """
    if image.shape[-1] == 3:
        varied = _vary_colours(image, options, rng)
    else:
        varied = _stain(image, rng) if rng.random() < options.stained_share else image
    varied = _vary_exposure(varied, options, rng)
    varied = _vary_sharpness(varied, options, rng)
    clipped = np.clip(varied, 0, 1).astype(np.float32)
    if rng.random() < options.inverted_share:
        clipped = 1 - clipped
    return np.repeat(clipped, 3, axis=-1) if clipped.shape[-1] == 1 else clipped


def _vary_colours(
    image: NDArray[np.float32], options: AppearanceOptions, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Vary dyes and channels, or mix the channels to one."""
    dyes = 1 + rng.uniform(-options.stain, options.stain, 3)
    channels = 1 + rng.uniform(-options.colour, options.colour, 3)
    mixture = rng.dirichlet((2, 2, 2))
    is_grey = rng.random() < options.grey_share
    dyed = _vary_dyes(image, dyes) if options.stain else image
    varied = dyed * channels
    return np.asarray(varied @ mixture[:, np.newaxis] if is_grey else varied, np.float32)


def _vary_dyes(image: NDArray[np.float32], factors: NDArray[np.float64]) -> NDArray[np.float32]:
    """Change the amounts of haematoxylin, eosin and DAB, as far as the colours show them."""
    matrix = hed_from_rgb @ np.diag(factors) @ rgb_from_hed
    density = -np.log(np.maximum(image, _DARKEST))
    return np.asarray(np.exp(-(density @ matrix.astype(np.float32))), np.float32)


def _stain(image: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Show a grey image as a slide of one random dye: light that a lit, uneven ground lets pass."""
    light = rng.uniform(*_GROUND_LIGHT, 3)
    passed = rng.uniform(*_PASSED_LIGHT, 3)
    grain = ndimage.gaussian_filter(
        rng.standard_normal(image.shape[:2], np.float32), rng.uniform(*_GRAIN_PX)
    )
    # A single pixel has no grain to scale.
    grain *= rng.uniform(0, _GRAIN) / (float(grain.std()) or 1)
    ground = light * (1 + grain[..., np.newaxis])
    return np.asarray(ground * passed**image, np.float32)


def _vary_exposure(
    image: NDArray[np.float32], options: AppearanceOptions, rng: np.random.Generator
) -> NDArray[np.float32]:
    exponent = np.exp(rng.uniform(-options.gamma, options.gamma))
    factor = 1 + rng.uniform(-options.contrast, options.contrast)
    offset = rng.uniform(-options.brightness, options.brightness)
    return np.asarray(np.maximum(image, 0) ** exponent * factor + offset, np.float32)


def _vary_sharpness(
    image: NDArray[np.float32], options: AppearanceOptions, rng: np.random.Generator
) -> NDArray[np.float32]:
    sigma_px = _half_of_the_time(options.blur_px, rng)
    noise = _half_of_the_time(options.noise, rng)
    if sigma_px:
        image = ndimage.gaussian_filter(image, (sigma_px, sigma_px, 0))
    if noise:
        image = image + np.float32(noise) * rng.standard_normal(image.shape, np.float32)
    return np.asarray(image, np.float32)


def _half_of_the_time(largest: float, rng: np.random.Generator) -> float:
    return max(0.0, rng.uniform(-largest, largest))
