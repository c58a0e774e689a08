"""What the axes of an image are taken for, and how it is said."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_nuclei.core.axes import AxisReading, read_axes


@pytest.mark.parametrize(
    ("shape", "names", "rgb", "words"),
    [
        ((5, 6), ("-2", "-1"), False, "one plane"),
        ((5, 6), ("y", "x"), True, "one plane, in colour"),
        ((5, 6), ("c", "x"), False, "one plane"),
        ((12, 5, 6), ("-3", "-2", "-1"), False, "12 planes along axis 0"),
        ((1, 5, 6), ("z", "y", "x"), False, "1 plane along z"),
        ((3, 5, 6), ("c", "y", "x"), False, "one plane, channel 1 of 3"),
        ((5, 6, 3), ("y", "x", "Channel"), False, "one plane, channel 1 of 3"),
        ((12, 3, 5, 6), ("z", "ch", "y", "x"), False, "12 planes along z, channel 1 of 3"),
        ((9, 12, 5, 6), ("t", "z", "y", "x"), True, "9 planes along t, 12 along z, in colour"),
        (
            (9, 3, 12, 5, 6),
            ("t", "c", "z", "y", "x"),
            False,
            "9 planes along t, 12 along z, channel 1 of 3",
        ),
    ],
)
def test_names_tell_what_axes_are(
    shape: tuple[int, ...], names: tuple[str, ...], rgb: bool, words: str
) -> None:
    assert read_axes(shape, names, rgb=rgb).in_words() == words


def test_a_person_can_read_them_differently() -> None:
    reading = replace(read_axes((3, 12, 5, 6), ("-4", "-3", "-2", "-1")), channel_axis=0, channel=2)
    assert reading.in_words() == "12 planes along axis 1, channel 3 of 3"
    assert reading.place((4,)) == "plane 5 of 12 along axis 1, channel 3 of 3"
    assert read_axes((2, 12, 5, 6), ("t", "z", "y", "x")).place((1, 0)) == "t 2 of 2, z 1 of 12"
    assert read_axes((5, 6), ("y", "x")).place(()) == ""


def test_channels_behind_the_plane_leave_the_plane_before_them() -> None:
    reading = read_axes((5, 6, 3), ("y", "x", "c"))
    assert reading.spatial_axes == (0, 1)
    assert reading.plane_shape == (5, 6)
    assert reading.plane_counts == ()


@given(st.data())
def test_every_axis_is_read_once(data: st.DataObject) -> None:
    shape = tuple(data.draw(st.lists(st.integers(1, 9), min_size=2, max_size=5)))
    channels = st.sampled_from(range(len(shape))) if len(shape) > 2 else st.nothing()
    channel_axis = data.draw(st.none() | channels)
    reading = AxisReading(shape, ("",) * len(shape), False, channel_axis)
    channel_axes = () if channel_axis is None else (channel_axis,)
    axes = (*reading.plane_axes, *reading.spatial_axes, *channel_axes)
    assert sorted(axes) == list(range(len(shape)))
