from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from napari_nuclei.cli import make_parser

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "docs" / "command-line.md"
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def examples(page: Path) -> list[str]:
    """Return the commands in a page's code blocks, but not the synopsis."""
    blocks = re.findall(r"^```\w*\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.M)
    lines = "".join(blocks).replace("\\\n", "").splitlines()
    return [line for line in lines if line.startswith("napari-nuclei ") and "[" not in line]


@pytest.mark.parametrize(
    "line",
    [pytest.param(line, id=f"{page.name}: {line}") for page in PAGES for line in examples(page)],
)
def test_an_example_is_right_use(line: str) -> None:
    args = make_parser().parse_args(shlex.split(line, comments=True)[1:])
    assert callable(args.run)


@pytest.mark.parametrize(
    "name", ["README.md", "docs/command-line.md", "docs/training.md", "docs/fine-tuning.md"]
)
def test_the_pages_that_teach_the_command_line_have_examples(name: str) -> None:
    assert examples(ROOT / name)


@pytest.mark.parametrize(
    "name",
    ["segment", "train", "finetune", "evaluate", "data info",
     *(f"models {action}" for action in
       ("list", "show", "rename", "import", "export", "delete"))],
)  # fmt: skip
def test_every_command_has_an_example(name: str) -> None:
    assert any(line.startswith(f"napari-nuclei {name}") for line in examples(GUIDE))
