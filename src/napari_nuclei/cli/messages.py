"""Errors as one line each, without a traceback."""

from __future__ import annotations

import argparse
import sys
from typing import NoReturn

from napari_nuclei import errors

PROGRAM = "napari-nuclei"


class Parser(argparse.ArgumentParser):
    """A parser, and those of its commands, that tells wrong use in one line, too."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong and where to read how it is done, and stop with status 2."""
        self.exit(2, f"{self.prog}: error: {_one_line(message)} ({self.prog} --help tells more)\n")


def explain(error: Exception) -> str:
    """Return what a person needs to know of an error, and how to learn more of a defect."""
    reason = errors.explain(error)
    return f"{reason} (--debug shows where)" if reason.startswith(errors.UNEXPECTED) else reason


def print_error(message: str) -> None:
    """Print a message as one line."""
    print(f"{PROGRAM}: error: {_one_line(message)}", file=sys.stderr, flush=True)


def _one_line(message: str) -> str:
    return " ".join(message.splitlines())
