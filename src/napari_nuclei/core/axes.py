"""What the axes of an image mean: planes, channels, height and width, colours."""

from __future__ import annotations

from dataclasses import dataclass

_CHANNEL_NAMES = {"c", "ch", "channel", "channels"}


@dataclass(frozen=True)
class AxisReading:
    """How the axes of an image are read.

    Attributes
    ----------
    shape : tuple of int
        Length of each axis, two at least; without the axis of colours when `rgb`.
    names : tuple of str
        Name of each axis, empty where it has none.
    rgb : bool
        Whether each pixel holds three or four colours besides these axes.
    channel_axis : int or None
        The axis of which one `channel` is segmented.
    channel : int
        Counted from 0.
    """

    shape: tuple[int, ...]
    names: tuple[str, ...]
    rgb: bool = False
    channel_axis: int | None = None
    channel: int = 0

    @property
    def spatial_axes(self) -> tuple[int, int]:
        """Height and width: the last two axes that are no channels."""
        *_, y, x = self._axes_without_channels()
        return y, x

    @property
    def plane_axes(self) -> tuple[int, ...]:
        """The axes along which planes follow one another, such as z and time."""
        return self._axes_without_channels()[:-2]

    @property
    def plane_counts(self) -> tuple[int, ...]:
        """Planes along each of `plane_axes`."""
        return tuple(self.shape[axis] for axis in self.plane_axes)

    @property
    def plane_shape(self) -> tuple[int, int]:
        """Height and width of a plane in pixels."""
        y, x = self.spatial_axes
        return self.shape[y], self.shape[x]

    def title(self, axis: int) -> str:
        """Return the name of an axis, or its number."""
        return self.names[axis] or f"axis {axis}"

    def in_words(self) -> str:
        """Return what is read as what, such as "12 planes along z, channel 1 of 3"."""
        counts = [f"{self.shape[axis]} along {self.title(axis)}" for axis in self.plane_axes]
        noun = "plane" if self.plane_counts[:1] == (1,) else "planes"
        planes = ", ".join(counts).replace(" ", f" {noun} ", 1) or "one plane"
        colours = ["in colour"] if self.rgb else []
        return ", ".join([planes, *colours, *self._channel_place()])

    def place(self, index: tuple[int, ...]) -> str:
        """Return in words which plane and channel `index` is; empty where there is no other."""
        planes = [
            self._plane_place(axis, f"{position + 1} of {self.shape[axis]}")
            for axis, position in zip(self.plane_axes, index, strict=True)
        ]
        return ", ".join([*planes, *self._channel_place()])

    def _plane_place(self, axis: int, position: str) -> str:
        name = self.names[axis]
        return f"{name} {position}" if name else f"plane {position} along axis {axis}"

    def _channel_place(self) -> list[str]:
        if self.channel_axis is None:
            return []
        return [f"channel {self.channel + 1} of {self.shape[self.channel_axis]}"]

    def _axes_without_channels(self) -> tuple[int, ...]:
        return tuple(axis for axis in range(len(self.shape)) if axis != self.channel_axis)


def read_axes(shape: tuple[int, ...], names: tuple[str, ...], *, rgb: bool = False) -> AxisReading:
    """Read the axes of an image as their names tell.

    Parameters
    ----------
    shape : tuple of int
        Length of each axis, two at least; without the axis of colours.
    names : tuple of str
        As long. A name that is a number, such as napari's own "-3", says nothing. The first axis
        that is called c, ch or channel holds channels if there are two other axes.
    rgb : bool
        Whether each pixel holds colours.

    Examples
    --------
    >>> read_axes((12, 3, 512, 512), ("z", "c", "y", "x")).in_words()
    '12 planes along z, channel 1 of 3'
    """
    names = tuple("" if name.lstrip("-").isdigit() else name for name in names)
    called = [axis for axis, name in enumerate(names) if name.casefold() in _CHANNEL_NAMES]
    channel_axis = called[0] if called and len(shape) > 2 else None
    return AxisReading(tuple(shape), names, rgb, channel_axis)
