from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from napari_nuclei.cli import make_parser

GUIDE = Path(__file__).parents[2] / "docs" / "command-line.md"


def examples() -> list[str]:
    """Return the commands in the guide's code blocks, but not the synopsis."""
    blocks = re.findall(r"^```\n(.*?)^```", GUIDE.read_text(encoding="utf-8"), re.DOTALL | re.M)
    lines = "".join(blocks).splitlines()
    return [line for line in lines if line.startswith("napari-nuclei ") and "[" not in line]


@pytest.mark.parametrize("line", examples())
def test_an_example_is_right_use(line: str) -> None:
    args = make_parser().parse_args(shlex.split(line)[1:])
    assert callable(args.run)


@pytest.mark.parametrize(
    "name",
    ["segment", "train", "evaluate", "data info",
     *(f"models {action}" for action in ("list", "show", "import", "export", "delete"))],
)  # fmt: skip
def test_every_command_has_an_example(name: str) -> None:
    assert any(line.startswith(f"napari-nuclei {name}") for line in examples())
