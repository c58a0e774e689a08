"""Errors as one line each, without a traceback."""

from __future__ import annotations

import sys

from napari_nuclei import errors

PROGRAM = "napari-nuclei"


def explain(error: Exception) -> str:
    """Return what a person needs to know of an error, and how to learn more of a defect."""
    reason = errors.explain(error)
    return f"{reason} (--debug shows where)" if reason.startswith(errors.UNEXPECTED) else reason


def print_error(message: str) -> None:
    """Print a message as one line."""
    print(f"{PROGRAM}: error: {' '.join(message.splitlines())}", file=sys.stderr, flush=True)
