from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import napari_nuclei
from napari_nuclei.cli import main, models
from napari_nuclei.cli.messages import explain
from napari_nuclei.errors import InputError, ModelError

COMMANDS = (
    ["segment"], ["train"], ["evaluate"], ["data", "info"],
    *(["models", action] for action in ("list", "show", "import", "export", "delete")),
)  # fmt: skip

LOADED_BY_HELP = """
import json, sys
from napari_nuclei.cli import make_parser
make_parser().format_help()
print(json.dumps(list(sys.modules)))
"""


def run_process(*arguments: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "napari_nuclei", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd)


def test_the_version_is_that_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["--version"])
    assert stopped.value.code == 0
    assert capsys.readouterr().out == f"napari-nuclei {napari_nuclei.__version__}\n"


@pytest.mark.parametrize("name", COMMANDS, ids=" ".join)
def test_every_command_has_help(name: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main([*name, "--help"])
    assert stopped.value.code == 0
    text = capsys.readouterr().out
    assert text.startswith(f"usage: napari-nuclei {' '.join(name)} ")
    # What argparse shows where a default was not spelt out.
    assert "None" not in text
    assert "SUPPRESS" not in text


@pytest.mark.parametrize(
    ("teller", "arguments"),
    [
        ("napari-nuclei", []),
        ("napari-nuclei", ["segmen", "a.png"]),
        ("napari-nuclei segment", ["segment", "a.png"]),
        ("napari-nuclei segment", ["segment", "a.png", "-o", "out", "--tile", "large"]),
        ("napari-nuclei segment", ["segment", "a.png", "-o", "out", "--limit", "0.4"]),
        ("napari-nuclei segment", ["segment", "a.png", "-o", "out", "--two\nlines"]),
        ("napari-nuclei segment", ["segment", "a.png", "-o", "out", "--semantic", "--table"]),
        ("napari-nuclei train", ["train", "data", "-o", "run", "--decoder-filters", "8,8,8"]),
        ("napari-nuclei train", ["train", "data", "-o", "run", "--resume", "--epochs", "3"]),
        ("napari-nuclei models", ["models"]),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value),
)
def test_wrong_use_is_one_line_and_status_2(
    teller: str, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    line = rf"{teller}: error: .+ \({teller} --help tells more\)\n"
    assert re.fullmatch(line, capsys.readouterr().err)


@pytest.mark.parametrize("before", [True, False])
def test_debug_raises_what_is_one_line_otherwise(before: bool, tmp_path: Path) -> None:
    arguments = ["data", "info", str(tmp_path / "missing")]
    arguments.insert(0 if before else 2, "--debug")
    with pytest.raises(napari_nuclei.errors.DatasetError):
        main(arguments)


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (ModelError("x: no such model."), "x: no such model."),
        (FileExistsError(17, "File exists", "out"), "out: File exists"),
        (OSError(28, "No space left on device"), "No space left on device"),
        (MemoryError(), "there is not enough memory: choose smaller images or batches."),
        (KeyError("a"), "unexpected KeyError: 'a' (--debug shows where)"),
    ],
)
def test_an_error_says_what_happened(error: Exception, line: str) -> None:
    assert explain(error) == line


@pytest.mark.parametrize(
    ("error", "status", "line"),
    [
        (InputError("first\nsecond"), 1, "napari-nuclei: error: first second\n"),
        (KeyboardInterrupt(), 130, "napari-nuclei: error: interrupted.\n"),
    ],
)
def test_an_error_is_one_line(
    error: BaseException,
    status: int,
    line: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail() -> None:
        raise error

    monkeypatch.setattr(models.store, "list_models", fail)
    assert main(["models", "list"]) == status
    assert capsys.readouterr().err == line


def test_help_in_a_fresh_process_loads_no_network_library() -> None:
    command = [sys.executable, "-c", LOADED_BY_HELP]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    assert not {"keras", "tensorflow", "matplotlib"} & set(json.loads(result.stdout))


def test_a_process_ends_with_status_and_one_line(tmp_path: Path) -> None:
    result = run_process("segment", "missing.png", "-o", "out", cwd=tmp_path)
    assert (result.returncode, result.stdout) == (1, "")
    expected = "napari-nuclei: error: missing.png does not exist: give an image file, or a folder "
    assert result.stderr == f"{expected}with images.\n"
    assert list(tmp_path.iterdir()) == []


def test_a_process_that_uses_the_network_prints_nothing_else(
    cells: Path, tiny_model: Path, tmp_path: Path
) -> None:
    result = run_process("segment", cells, "-o", tmp_path / "out", "--model", tiny_model)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.count("\n") == 1
    assert result.stdout.startswith("cells.png: ")
