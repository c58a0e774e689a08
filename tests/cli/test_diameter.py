from __future__ import annotations

import argparse

import pytest

from napari_nuclei.cli.diameter import add_diameter, read_diameter_px


def read(*arguments: str) -> object:
    parser = argparse.ArgumentParser()
    parser.set_defaults(wrong_use=parser.error)
    add_diameter(parser)
    return read_diameter_px(parser.parse_args(arguments))


@pytest.mark.parametrize(
    ("arguments", "diameter_px"),
    [
        ((), "auto"),
        (("--diameter", "auto"), "auto"),
        (("--diameter", "none"), None),
        (("--diameter", "17.5"), 17.5),
        (("--diameter", "9um", "--pixel-size", "0.5"), 18),
        (("--diameter", "9 µm", "--pixel-size", "0.5"), 18),
        (("--diameter", "9\N{GREEK SMALL LETTER MU}m", "--pixel-size", "0.5"), 18),
        (("--pixel-size", "0.5"), "auto"),
    ],
)
def test_diameter(arguments: tuple[str, ...], diameter_px: object) -> None:
    assert read(*arguments) == diameter_px


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--diameter", "9um"), "--diameter 9um needs --pixel-size"),
        (("--diameter", "9um", "--pixel-size", "0"), "--pixel-size 0: choose"),
        (("--diameter", "9um", "--pixel-size", "nan"), "--pixel-size nan: choose"),
        (("--diameter", "large"), "'large' is no diameter: give pixels as in 25"),
        (("--diameter", "um"), "'um'"),
    ],
)
def test_what_is_no_diameter_is_wrong_use(
    arguments: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        read(*arguments)
    assert message in capsys.readouterr().err
