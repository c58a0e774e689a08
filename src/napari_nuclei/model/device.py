"""What the network runs on, by the name that its maker gave it."""

from __future__ import annotations

import platform
import sys
from pathlib import Path

_LINUX_PROCESSOR = Path("/proc/cpuinfo")


def device_name() -> str:
    """Return the device, such as "NVIDIA H100 (GPU)" or "AMD EPYC 7B13 (CPU)".

    The network library takes seconds to import, and finds the graphics card. Before it is imported,
    as it is not here, the processor is named.
    """
    gpu = _gpu_name() if "keras" in sys.modules else ""
    return f"{gpu} (GPU)" if gpu else f"{_processor_name()} (CPU)"


def _gpu_name() -> str:
    """Return the name of the first graphics card that the backend uses; empty if there is none."""
    import keras

    if keras.backend.backend() != "tensorflow":
        return "".join(keras.distribution.list_devices("gpu")[:1])
    import tensorflow as tf

    found = tf.config.list_physical_devices("GPU")[:1]
    return "".join(
        tf.config.experimental.get_device_details(gpu).get("device_name", gpu.name) for gpu in found
    )


def _processor_name() -> str:
    try:
        lines = _LINUX_PROCESSOR.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:  # not Linux
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return next(iter(names), platform.processor() or platform.machine())
