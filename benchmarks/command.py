"""What the commands that score on a data set share."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from napari_nuclei.errors import InputError, NucleiError

SPLITS = Path(__file__).with_name("dsb2018.csv")


def make_parser(
    name: str, doc: str | None, choices: Collection[str] = ()
) -> argparse.ArgumentParser:
    """Return a parser of DATASET and ``--splits``, and of some of `choices` if there are any."""
    parser = argparse.ArgumentParser(f"benchmarks.{name}", description=(doc or "").split("\n")[0])
    parser.add_argument("dataset", type=Path, metavar="DATASET", help="folder or .zip file")
    if choices:
        parser.add_argument(
            "names", nargs="*", metavar="NAME", help=f"default: all of {', '.join(choices)}"
        )
    parser.add_argument(
        "--splits",
        type=Path,
        default=SPLITS,
        metavar="CSV",
        help="which images are for training (train) and which for scoring (val; default: those of "
        "DSB2018 in %(default)s)",
    )
    return parser


def add_model(parser: argparse.ArgumentParser) -> None:
    """Let the model that is scored be chosen."""
    parser.add_argument("--model", help="name or folder (default: the shipped one)")


def chosen(names: Sequence[str], choices: Collection[str]) -> Sequence[str]:
    """Return `names`, or all choices where there are none.

    Raises
    ------
    InputError
        When a name is not among the choices.
    """
    unknown = sorted(set(names) - set(choices))
    if unknown:
        raise InputError(f"{unknown[0]} is not known: choose of {', '.join(choices)}.")
    return names or tuple(choices)


def exit_status(work: Callable[[], None]) -> int:
    """Do `work`; an error of the user's is one line and status 1."""
    try:
        work()
    except NucleiError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    return 0
