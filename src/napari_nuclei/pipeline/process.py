"""The parent's side of a fine-tuning in a process of its own.

Of its own, since memory then comes back, a stop is certain, and a crash takes nobody along.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

from napari_nuclei.model import backend
from napari_nuclei.model.device import environment
from napari_nuclei.pipeline.messages import Failed, Finished, Message, from_line

if TYPE_CHECKING:
    from napari_nuclei.model.device import Device
    from napari_nuclei.pipeline.finetune import Request

_WORKER = "napari_nuclei.pipeline.worker"
# On Windows a console would flash up.
_FLAGS = getattr(subprocess, "CREATE_NO_WINDOW", 0)


class TrainingProcess:
    """A fine-tuning in a child process, which ends when this process does, however that ends.

    Parameters
    ----------
    request : Request
        The child starts at once.
    chosen : "auto" or "cpu"
        What it trains on: the graphics card where there is one, or the processor in any case.

    Raises
    ------
    OSError
        When no process can be started.
    """

    def __init__(self, request: Request, chosen: Device = "auto") -> None:
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  (for as long as the child lives)
        # -P: a file of the current folder must not take the place of a module.
        self._child = subprocess.Popen(  # noqa: S603  (our own module, by our own interpreter)
            [sys.executable, "-P", "-m", _WORKER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env={**backend.QUIET, **os.environ, **environment(chosen)},
            creationflags=_FLAGS,
        )
        self._is_read = False
        self._is_closed = False
        self._say(json.dumps(request.to_json()))

    @property
    def pid(self) -> int:
        """The child's process id."""
        return self._child.pid

    @property
    def is_running(self) -> bool:
        """Whether the child is there."""
        return self._child.poll() is None

    def messages(self) -> Iterator[Message]:
        """Yield each message as it comes, in whatever thread this is called, once.

        The last one is `Finished` or `Failed`, whatever happens to the child, unless `close` ended
        it. Closing this generator does the same as `close`.
        """
        # Now, not with the first message: `close` may come before that is asked for.
        self._is_read = True
        return self._read()

    def _read(self) -> Iterator[Message]:
        try:
            last: Message | None = None
            for line in self._child.stdout or ():
                message = from_line(line.decode(errors="replace"))
                if message is not None:
                    last = message
                    yield message
            status = self._child.wait()
            if not isinstance(last, Finished | Failed) and not self._is_closed:
                yield Failed(self._describe_end(status))
        finally:
            self._is_read = False
            self.close()

    def stop(self) -> None:
        """Ask for a model of what has been learnt so far; `messages` goes on until it is there."""
        self._say("stop")

    def close(self) -> None:
        """End the child without a model; the newest checkpoint stays, to be resumed from."""
        self._is_closed = True
        self._child.kill()
        self._child.wait()
        # A thread that reads still needs the streams, and comes here when it has read them.
        if not self._is_read:
            for stream in (self._child.stdin, self._child.stdout, self._errors):
                with suppress(OSError):  # what was not sent yet has no reader any more
                    if stream:
                        stream.close()

    def _say(self, line: str) -> None:
        # The child may have ended: `messages` says how.
        with suppress(OSError, ValueError):
            if self._child.stdin:
                self._child.stdin.write(f"{line}\n".encode())
                self._child.stdin.flush()

    def _describe_end(self, status: int) -> str:
        self._errors.seek(0)
        said = self._errors.read().decode(errors="replace")
        # The network library talks there, too; only the end of a traceback is a reason.
        reason = f": {said.strip().splitlines()[-1]}" if "Traceback" in said else ""
        return (
            f"The training ended unexpectedly (exit status {status}{reason}); resume it, or train "
            "with smaller images if the memory was full."
        )
