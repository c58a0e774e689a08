"""Keep what TensorFlow says to itself off the terminal.

While it is imported, its C++ parts write lines about processors and missing graphics cards to file
descriptor 2. Some come before the level of logging is read, so they are dropped there.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from napari_nuclei.model import backend


def preload_network_library(debug: bool) -> None:
    """Import the network library, silently unless debugging; before that it must not be used."""
    if debug:
        backend.preload()
        return
    for name, value in backend.QUIET.items():
        os.environ.setdefault(name, value)
    with _native_messages_dropped():
        backend.preload()


@contextmanager
def _native_messages_dropped() -> Iterator[None]:
    sys.stderr.flush()
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
