"""The command ``napari-nuclei``: parse, call the pipeline, print.

Exit status: 0 done, 1 could not do it, 2 wrong use, 130 interrupted. Results go to the standard
output, everything else to the standard error; an error is one line there.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from io import TextIOWrapper
from typing import TYPE_CHECKING

import napari_nuclei
from napari_nuclei.cli import data, evaluate, finetune, models, segment, train
from napari_nuclei.cli.arguments import add_debug
from napari_nuclei.cli.messages import PROGRAM, Parser, explain, print_error

if TYPE_CHECKING:
    import argparse

_COMMANDS = (segment, train, finetune, evaluate, models, data)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Parameters
    ----------
    arguments : sequence of str, optional
        Default: those of the process.

    Returns
    -------
    int
        The exit status.

    Raises
    ------
    SystemExit
        With 2 when the arguments are wrong, with 0 after ``--help`` and ``--version``.
    """
    if isinstance(sys.stdout, TextIOWrapper):
        # Names of files may have letters that the terminal, or a file in its place, cannot take.
        sys.stdout.reconfigure(errors="backslashreplace")
    args, unknown = make_parser().parse_known_args(arguments)
    if unknown:
        # By its command: the help of the whole program lists no option of it.
        args.wrong_use(f"unrecognized arguments: {' '.join(unknown)}")
    try:
        status: int = args.run(args)
    except KeyboardInterrupt:
        print_error("interrupted.")
        return 130
    except Exception as error:
        if args.debug:
            raise
        print_error(explain(error))
        return 1
    return status


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line."""
    parser = Parser(
        PROGRAM, description="Find cell nuclei in microscope images.", allow_abbrev=False
    )
    parser.add_argument(
        "--version", action="version", version=f"%(prog)s {napari_nuclei.__version__}"
    )
    add_debug(parser, default=False)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in _COMMANDS:
        command.add_to(commands)
    return parser
