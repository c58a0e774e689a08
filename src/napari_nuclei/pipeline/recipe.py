"""The recipe of a training: what a person can choose, and the course of the learning rate."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from napari_nuclei.core.diameter import DiameterRange
from napari_nuclei.errors import RunError
from napari_nuclei.model import unet

_MAX_SECONDS = 86_400
_MAX_SEED = 2**32 - 1
_OF_ANOTHER_VERSION = (
    "The options of this training are those of another version of napari-nuclei: start a new run."
)


@dataclass(frozen=True)
class TrainOptions:
    """The recipe of a training.

    Attributes
    ----------
    epochs : int
    calm_epochs : int
        Further epochs, whose crops vary less, as in `napari_nuclei.core.augment.CALM`. The
        learning rate rises anew, to half its height.
    batch_size : int
        Crops a step.
    crops_per_image : int
        Crops an epoch takes, for each training image.
    learning_rate : float
        The highest; it rises for the first steps and then falls to zero along a cosine.
    weight_decay : float
    dropout : float
        Share of the deepest feature maps that are dropped while training.
    freeze_encoder : bool
    freeze_batchnorm : bool
        Keep the statistics of the encoder's batch normalisation; a step is about a fifth faster.
    encoder_weights : str
        ``"imagenet"`` (ships with the package), ``"random"``, or the path of a safetensors file.
    decoder_filters : tuple of int
    augment : bool
        Vary the crops' geometry and colours.
    diameters_px : tuple of float, or None
        Smallest and largest median diameter, as `napari_nuclei.core.diameter.DiameterRange` has
        them; images with others are resized. None leaves images at their own scale.
    tile_px : int
    seed : int
    """

    epochs: int = 100
    calm_epochs: int = 0
    batch_size: int = 16
    crops_per_image: int = 4
    learning_rate: float = 1e-3
    weight_decay: float = 1e-4
    dropout: float = 0.1
    freeze_encoder: bool = False
    freeze_batchnorm: bool = False
    encoder_weights: str = "imagenet"
    decoder_filters: tuple[int, int, int, int] = (512, 256, 128, 64)
    augment: bool = True
    diameters_px: tuple[float, float] | None = (24.0, 48.0)
    tile_px: int = 128
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size", "crops_per_image"):
            if getattr(self, name) < 1:
                raise RunError(f"{name} is {getattr(self, name)}: choose 1 or more.")
        if self.calm_epochs < 0:
            raise RunError(f"calm_epochs is {self.calm_epochs}: choose 0 or more.")
        if not 0 < self.learning_rate <= 1:
            raise RunError(f"The learning rate is {self.learning_rate}: choose one from 0 to 1.")
        if not 0 <= self.weight_decay < 1:
            raise RunError(f"The weight decay is {self.weight_decay}: choose 0 to 1.")
        if not self.network.is_sane():
            raise RunError(
                f"A decoder of {self.decoder_filters} filters with dropout {self.dropout} cannot "
                f"be built: choose 1 to {unet.MAX_FILTERS} filters and a dropout below 1."
            )
        if self.diameters and not self.diameters.is_sane():
            raise RunError(f"Diameters of {self.diameters_px} px: choose two from 1 to 1000 px.")
        if self.tile_px < unet.STRIDE_PX or self.tile_px % unet.STRIDE_PX:
            raise RunError(f"Tiles of {self.tile_px} px: choose a multiple of {unet.STRIDE_PX}.")
        _check_seed(self.seed)

    def to_json(self) -> dict[str, Any]:
        """Return the fields as JSON values."""
        values = asdict(self)
        return {name: list(v) if isinstance(v, tuple) else v for name, v in values.items()}

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> TrainOptions:
        """Return the options that `to_json` described.

        Raises
        ------
        RunError
            When they are those of another version.
        """
        try:
            lists = {name: tuple(v) for name, v in content.items() if isinstance(v, list)}
            return cls(**{**content, **lists})
        except (AttributeError, TypeError) as error:
            raise RunError(_OF_ANOTHER_VERSION) from error

    @property
    def all_epochs(self) -> int:
        """How many epochs there are, calm ones included."""
        return self.epochs + self.calm_epochs

    @property
    def diameters(self) -> DiameterRange | None:
        """The sizes in which the network sees nuclei."""
        return DiameterRange(*self.diameters_px) if self.diameters_px else None

    @property
    def network(self) -> unet.UNetConfig:
        """The network's configuration."""
        return unet.UNetConfig(self.decoder_filters, dropout=self.dropout)


@dataclass(frozen=True)
class FinetuneOptions:
    """The recipe of a fine-tuning; the defaults are what proved best (docs/fine-tuning.md).

    Attributes
    ----------
    max_seconds : float
        Wall time of the whole, scores before and after included; a session that resumes has it
        anew. At least one epoch is done, however long it takes.
    learning_rate : float
        The highest.
    batch_size : int
        Crops a step.
    max_steps : int
        More than these teach nothing new, however much time is left.
    seed : int
    """

    max_seconds: float = 60.0
    learning_rate: float = 3e-4
    batch_size: int = 16
    max_steps: int = 600
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.max_seconds <= _MAX_SECONDS:
            raise RunError(
                f"{self.max_seconds} seconds: choose a time from 1 to {_MAX_SECONDS} seconds."
            )
        if not 0 < self.learning_rate <= 1:
            raise RunError(f"The learning rate is {self.learning_rate}: choose one from 0 to 1.")
        for name in ("batch_size", "max_steps"):
            if getattr(self, name) < 1:
                raise RunError(f"{name} is {getattr(self, name)}: choose 1 or more.")
        _check_seed(self.seed)

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> FinetuneOptions:
        """Return the options whose fields these are.

        Raises
        ------
        RunError
            When they are those of another version.
        """
        try:
            return cls(**content)
        except TypeError as error:
            raise RunError(_OF_ANOTHER_VERSION) from error


@dataclass(frozen=True)
class LearningRate:
    """The course of the learning rate: a short rise, then half a cosine down to zero.

    Attributes
    ----------
    highest : float
    warmup_share : float
        Of the steps, in which it rises.
    """

    highest: float
    warmup_share: float = 0.03

    def __call__(self, step: int, steps: int) -> float:
        """Return the learning rate of a step, counted from 0, of so many."""
        warmup = max(1, round(steps * self.warmup_share))
        if step < warmup:
            return self.highest * (step + 1) / warmup
        progress = (step - warmup) / max(1, steps - warmup)
        return float(self.highest * (1 + np.cos(np.pi * progress)) / 2)


def _check_seed(seed: int) -> None:
    """Refuse what numpy does not take; hours later would be a bad moment to be told."""
    if not 0 <= seed <= _MAX_SEED:
        raise RunError(f"The seed is {seed}: choose one from 0 to {_MAX_SEED}.")
