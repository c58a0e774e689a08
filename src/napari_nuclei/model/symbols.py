"""Let TensorFlow and OpenGL live in one process.

On Linux, TensorFlow 2.21 shows the symbols of the LLVM inside it to the whole process. Mesa, which
draws napari's canvas where there is no graphics driver and on some AMD cards, brings an LLVM of its
own. Whichever comes second then calls into the first, and the process ends with a segmentation
fault (https://github.com/tensorflow/tensorflow/issues/109933). So TensorFlow is loaded here in such
a way that nobody sees its symbols and that it sees its own first.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import ModuleType

_SHOWS_ALL_SYMBOLS = "tensorflow.python.pywrap_dlopen_global_flags"


def keep_tensorflow_private() -> None:
    """Make every later ``import tensorflow`` safe; does nothing where it is, or comes too late."""
    if hasattr(os, "RTLD_DEEPBIND"):
        sys.meta_path.insert(0, _TensorFlowFinder())


class _TensorFlowFinder(MetaPathFinder):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != "tensorflow":
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.origin is not None:
            spec.loader = _PrivateLoader(fullname, spec.origin)
        return spec


class _PrivateLoader(SourceFileLoader):
    def exec_module(self, module: ModuleType) -> None:
        with _private_symbols():
            super().exec_module(module)


@contextmanager
def _private_symbols() -> Iterator[None]:
    before = sys.getdlopenflags()
    # None makes its import fail, which TensorFlow takes as "keep the symbols to yourself".
    sys.modules[_SHOWS_ALL_SYMBOLS] = None  # type: ignore[assignment]
    sys.setdlopenflags(before | os.RTLD_DEEPBIND)
    try:
        yield
    finally:
        sys.setdlopenflags(before)
        del sys.modules[_SHOWS_ALL_SYMBOLS]
