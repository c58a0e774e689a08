"""The name of what the network runs on."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from napari_nuclei.model import device


def test_processor_is_named_as_linux_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "cpuinfo"
    file.write_text("processor\t: 0\nmodel name\t: Fast CPU @ 3 GHz\nmodel name\t: Fast\n")
    monkeypatch.setattr(device, "_LINUX_PROCESSOR", file)
    monkeypatch.setattr(device, "_GPU_DRIVERS", ())
    assert device.device_name() == "Fast CPU @ 3 GHz (CPU)"


def test_other_systems_name_something(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "_LINUX_PROCESSOR", tmp_path / "nowhere")
    monkeypatch.setattr(device, "_GPU_DRIVERS", ())
    assert device.device_name().endswith(" (CPU)")


@pytest.fixture
def card(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Pretend that there is a driver, and a card that Keras uses; return what gives it up."""
    given_up = threading.Event()
    monkeypatch.setattr(device, "_GPU_DRIVERS", (tmp_path,))
    monkeypatch.setattr(device, "_found_gpu", lambda: "Great Card")
    monkeypatch.setattr(device, "_gpu_given_up", given_up)
    return given_up


def test_graphics_card_comes_first(card: threading.Event) -> None:
    import keras  # noqa: F401  (only then is it looked for)

    assert device.device_name() == "Great Card (GPU)"


def test_a_process_on_the_processor_sees_no_card() -> None:
    assert device.environment("cpu") == {"CUDA_VISIBLE_DEVICES": "-1"}
    assert device.environment("auto") == {}


def test_a_card_that_was_given_up_is_not_named(card: threading.Event) -> None:
    assert device.gpu_name() == "Great Card"

    device.give_up_gpu()

    assert card.is_set()
    assert device.gpu_name() == ""
    assert device.device_name().endswith(" (CPU)")


def test_without_a_driver_nobody_asks_for_a_card(
    card: threading.Event, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(device, "_GPU_DRIVERS", (tmp_path / "nowhere",))

    assert not device.may_have_gpu()
    assert device.gpu_name() == ""


def test_a_card_that_nobody_wants_is_neither_asked_for_nor_named(card: threading.Event) -> None:
    import keras  # noqa: F401  (only then is it looked for)

    assert device.may_have_gpu("auto")
    assert not device.may_have_gpu("cpu")
    assert device.gpu_name("cpu") == ""
    assert device.device_name("cpu").endswith(" (CPU)")


def test_network_library_is_asked_for_its_devices() -> None:
    import keras

    assert bool(device._found_gpu()) == bool(keras.distribution.list_devices("gpu"))


def test_network_library_is_not_loaded_for_it() -> None:
    code = "import sys; from napari_nuclei.model.device import device_name; device_name()"
    check = "; print({'keras', 'tensorflow'} & set(sys.modules))"
    result = subprocess.run([sys.executable, "-c", code + check], capture_output=True, check=True)
    assert result.stdout.decode().strip() == "set()"
