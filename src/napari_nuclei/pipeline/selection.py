"""A part of an image file, such as one plane of a stack, or all planes of it, linked or not."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from napari_nuclei.errors import DatasetError, InputError, NucleiError
from napari_nuclei.pipeline.datasets.decoding import reason_in_words
from napari_nuclei.pipeline.reading import Part, read_image, read_part

_COLOURS = (3, 4)


@dataclass(frozen=True)
class Selection:
    """What is segmented of each file; by default the one plane that it has.

    Attributes
    ----------
    part : tuple of int and slice
        For each axis of the file, from the first one on; those that are left out are taken whole.
        Slices have no step.
    names : tuple of str
        Names of the axes before height and width that the part still has; empty for one plane.
    link : str or None
        The one of `names` along which a nucleus keeps its id; None: each plane has its own.

    Raises
    ------
    InputError
        When `link` is none of `names`.
    """

    part: Part = ()
    names: tuple[str, ...] = ()
    link: str | None = None

    def __post_init__(self) -> None:
        if self.link is not None and self.link not in self.names:
            raise InputError(f"There are no planes along {self.link}: link those of another axis.")

    @property
    def is_whole_plane(self) -> bool:
        """Whether the whole file is meant, which then holds a single plane."""
        return not self.part and not self.names

    @property
    def link_axis(self) -> int | None:
        """Which of `names` is `link`."""
        return None if self.link is None else self.names.index(self.link)

    def read(self, path: Path) -> NDArray[Any]:
        """Read what is meant of a file; of a stack no more than that.

        Raises
        ------
        DatasetError
            When the file cannot be read.
        InputError
            When it has no such part.
        """
        is_flat = not self.names and all(isinstance(one, slice) for one in self.part)
        try:
            pixels: NDArray[Any] = read_image(path)[self.part] if is_flat else self._read_tiff(path)
        except IndexError as error:
            raise InputError(
                f"{path} has no part {format_part(self.part)}: count from 0 along its axes."
            ) from error
        self._refuse_other_axes(path, pixels)
        return pixels

    def _refuse_other_axes(self, path: Path, pixels: NDArray[Any]) -> None:
        n_axes = pixels.ndim - len(self.names)
        is_colour = n_axes == 3 and pixels.shape[-1] in _COLOURS
        if n_axes > 2 and not is_colour:
            planes = "".join(f", planes along {name}" for name in self.names)
            raise InputError(
                f"{path}: the shape that is left is {pixels.shape}, which is not height and width"
                f"{planes} alone: choose along each other axis by --part, such as --part :,0."
            )

    def as_json(self) -> dict[str, Any]:
        """Return the selection as JSON values."""
        return {"part": format_part(self.part), "planes": list(self.names), "link": self.link}

    def _read_tiff(self, path: Path) -> NDArray[Any]:
        try:
            return read_part(path, self.part)
        except (IndexError, OSError, NucleiError):
            raise
        # Of whatever kind tifffile chooses for what is damaged, or no TIFF at all.
        except Exception as error:
            reason = reason_in_words(error)
            raise DatasetError(f"{path} cannot be read as a TIFF stack ({reason}).") from error


def format_part(part: Part) -> str:
    """Return a part as `parse_part` reads it, such as ``2,:,10:90``."""
    return ",".join(
        ":".join("" if end is None else str(end) for end in (one.start, one.stop))
        if isinstance(one, slice)
        else str(one)
        for one in part
    )


def parse_part(text: str) -> Part:
    """Read a part as Python would write it between brackets.

    Raises
    ------
    ValueError
        When it is something else.

    Examples
    --------
    >>> parse_part("2,:,10:90")
    (2, slice(None, None, None), slice(10, 90, None))
    """
    return tuple(_parse_axis(word.strip()) for word in text.split(","))


def _parse_axis(word: str) -> int | slice:
    first, colon, last = word.partition(":")
    if not colon:
        return _count(first)
    return slice(_count(first) if first else None, _count(last) if last else None)


def _count(word: str) -> int:
    if not word.isdecimal():
        raise ValueError(f"{word} is no number counted from 0")
    return int(word)
