"""What the network runs on, by the name that its maker gave it."""

from __future__ import annotations

import functools
import platform
import sys
from pathlib import Path
from threading import Event
from typing import Literal

Device = Literal["auto", "cpu"]
"""What may be chosen: the graphics card where there is one, or the processor in any case."""

DEVICES: tuple[Device, ...] = ("auto", "cpu")

_LINUX_PROCESSOR = Path("/proc/cpuinfo")
# Of Linux, and of Linux in Windows: elsewhere the network library uses no graphics card.
_GPU_DRIVERS = (Path("/dev/nvidiactl"), Path("/dev/dxg"))

_gpu_given_up = Event()


def device_name(chosen: Device = "auto") -> str:
    """Return the device, such as "NVIDIA H100 (GPU)" or "AMD EPYC 7B13 (CPU)".

    The network library takes seconds to import, and finds the graphics card. Before it is imported,
    as it is not here, the processor is named.
    """
    gpu = gpu_name(chosen) if "keras" in sys.modules else ""
    return f"{gpu} (GPU)" if gpu else f"{_processor_name()} (CPU)"


def gpu_name(chosen: Device = "auto") -> str:
    """Return the name of the graphics card to predict on; empty if there is none.

    The network library is asked, and imported for it, only where there is a driver.
    """
    return _found_gpu() if may_have_gpu(chosen) and not _gpu_given_up.is_set() else ""


def may_have_gpu(chosen: Device = "auto") -> bool:
    """Tell whether a graphics card has a driver and is wanted, without asking what there is."""
    return chosen == "auto" and any(driver.exists() for driver in _GPU_DRIVERS)


def environment(chosen: Device) -> dict[str, str]:
    """Return what the environment of a process has to say so that it runs on the chosen device."""
    # Whatever the backend, its cards are those of CUDA.
    return {"CUDA_VISIBLE_DEVICES": "-1"} if chosen == "cpu" else {}


def give_up_gpu() -> None:
    """Predict on the processor from now on: the card cannot take a single tile."""
    _gpu_given_up.set()


@functools.cache
def _found_gpu() -> str:
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
