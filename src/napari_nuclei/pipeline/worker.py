"""The child process that trains: ``python -m napari_nuclei.pipeline.worker``.

It reads a `Request` as the first line of its standard input and writes messages, one a line, to its
standard output. A further line asks it to stop and to make a model of what it has. The end of the
input means that its parent is gone: it ends with its present step, and the newest checkpoint stays.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from typing import IO

from napari_nuclei import errors
from napari_nuclei.pipeline.finetune import Request, finetune_steps
from napari_nuclei.pipeline.messages import Failed, to_line

ORPHANED = 3
"""Exit status when the parent was gone."""

# What is between two steps and cannot be interrupted, such as the scores, takes less.
_GRACE_SECONDS = 20.0
_MAX_LINE_BYTES = 2**20


class _Orphaned(Exception):
    """The parent is gone."""


class _Orders:
    """What the parent says after the request, read in a thread."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._stop = threading.Event()
        self._orphaned = threading.Event()
        # Not sys.stdin: a thread that waits in it would hang the end of the interpreter.
        self._pending = b""

    def read_request(self) -> Request | None:
        """Return the request; None when the parent left before it was whole."""
        line = self._read_line()
        return None if line is None else Request.from_json(json.loads(line))

    def watch(self) -> None:
        """Begin to listen."""
        threading.Thread(target=self._listen, daemon=True).start()

    def is_stopped(self) -> bool:
        """Tell whether to stop.

        Raises
        ------
        _Orphaned
            When there is nobody left to tell.
        """
        if self._orphaned.is_set():
            raise _Orphaned
        return self._stop.is_set()

    def _listen(self) -> None:
        while self._read_line() is not None:
            self._stop.set()
        self._orphaned.set()
        last = threading.Timer(_GRACE_SECONDS, os._exit, (ORPHANED,))
        last.daemon = True
        last.start()

    def _read_line(self) -> bytes | None:
        while b"\n" not in self._pending:
            content = os.read(self._descriptor, 65_536)
            if not content or len(self._pending) > _MAX_LINE_BYTES:
                return None
            self._pending += content
        line, _, self._pending = self._pending.partition(b"\n")
        return line


def main() -> int:
    """Train as the standard input says."""
    output = _own_output()
    orders = _Orders(sys.stdin.fileno())
    request = orders.read_request()
    if request is None:
        return ORPHANED
    orders.watch()
    try:
        for message in finetune_steps(request, is_stopped=orders.is_stopped):
            print(to_line(message), file=output, flush=True)
    except (_Orphaned, BrokenPipeError):
        return ORPHANED
    except Exception as error:  # noqa: BLE001  (the parent shows it, whatever it is)
        print(to_line(Failed(errors.explain(error))), file=output, flush=True)
        return 1
    return 0


def _own_output() -> IO[str]:
    """Return the standard output, which nothing else can write to from now on.

    The network library's native code prints what it likes; that goes to the standard error.
    """
    output = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return output


if __name__ == "__main__":
    status = main()
    sys.stderr.flush()
    # Not sys.exit: the network library's threads may be busy, and everything is on the disk.
    os._exit(status)
