"""Errors as one line each, without a traceback."""

from __future__ import annotations

import sys

from napari_nuclei.errors import NucleiError

PROGRAM = "napari-nuclei"


def explain(error: Exception) -> str:
    """Return what a person needs to know of an error."""
    if isinstance(error, NucleiError):
        return str(error)
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    if isinstance(error, MemoryError):
        return "there is not enough memory: choose smaller images or batches."
    return f"unexpected {type(error).__name__}: {error} (--debug shows where)"


def print_error(message: str) -> None:
    """Print a message as one line."""
    print(f"{PROGRAM}: error: {' '.join(message.splitlines())}", file=sys.stderr, flush=True)
