"""What every test can rely on: its own home, no network, the bundled sample, the data set."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import numpy as np
import pytest
from numpy.typing import NDArray

# First of all: it makes a later `import keras` in any test safe beside napari's canvas.
import napari_nuclei.model  # noqa: F401
from napari_nuclei.core.diameter import DiameterRange
from napari_nuclei.core.instances import InstanceOptions
from napari_nuclei.model import store, unet
from napari_nuclei.model.network import Network

TINY = unet.UNetConfig((8, 8, 8, 8))
PROVENANCE = {"base": None, "data": "made up", "licence": "CC0-1.0", "metrics": {"dice": 0.5}}
DSB2018 = Path(__file__).parents[2] / "shared" / "dsb2018"
LOOPBACK = {"127.0.0.1", "::1", "localhost"}

_settings = pytest.StashKey[str]()

# No deadline: a busy machine is no failure. In CI the same examples each time: it judges a change,
# and looking for new examples is for whoever is there to read what was found.
hypothesis.settings.register_profile("ours", deadline=None, derandomize="CI" in os.environ)
hypothesis.settings.load_profile("ours")


def pytest_configure(config: pytest.Config) -> None:
    # Read when these libraries are imported, which test modules do before any fixture runs.
    folder = tempfile.mkdtemp(prefix="napari-nuclei-tests-")
    config.stash[_settings] = folder
    os.environ["KERAS_HOME"] = str(Path(folder, "keras"))
    os.environ["MPLCONFIGDIR"] = str(Path(folder, "matplotlib"))
    os.environ["NAPARI_CONFIG"] = str(Path(folder, "napari", "settings.yaml"))


def pytest_unconfigure(config: pytest.Config) -> None:
    shutil.rmtree(config.stash[_settings], ignore_errors=True)


@pytest.fixture(autouse=True)
def _isolated_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NAPARI_NUCLEI_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("NAPARI_NUCLEI_DATA", raising=False)


@pytest.fixture(autouse=True, scope="session")
def _no_network() -> Iterator[None]:
    """Refuse every connection that leaves the machine; X11 and local servers still work."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("connect", "connect_ex"):
            patch.setattr(socket.socket, name, _only_local(getattr(socket.socket, name)))
        yield


def _only_local(connect: Any) -> Any:
    def guarded(sock: socket.socket, address: Any) -> Any:
        is_inet = sock.family in {socket.AF_INET, socket.AF_INET6}
        if is_inet and address[0] not in LOOPBACK:
            raise OSError(f"tests have no network: refused to connect to {address[0]}")
        return connect(sock, address)

    return guarded


@pytest.fixture(scope="session")
def sample() -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the bundled DSB2018 image, uint16 (512, 512), and its labels, int32 (512, 512)."""
    from napari_nuclei.pipeline.samples import read_sample

    data = read_sample("dsb2018")
    for array in (data.image, data.labels):
        array.flags.writeable = False  # shared by all tests: none may change it for the next
    return data.image, data.labels


@pytest.fixture(scope="session")
def tiny_network() -> Any:
    """Return a network in which no two tensors are equal, as after a training; do not change it."""
    network = unet.build(TINY)
    rng = np.random.default_rng(0)
    for name, variable in unet.named_weights(network).items():
        if "kernel" in name:
            # He's initialisation: the signal neither dies nor explodes on its way.
            fan_in = np.prod(variable.shape[:2]) * (1 if "depthwise" in name else variable.shape[2])
            variable.assign(rng.normal(0, np.sqrt(2 / fan_in), variable.shape))
        else:
            low, high = (0.5, 1.5) if name.endswith(("gamma", "variance")) else (-0.3, 0.3)
            variable.assign(rng.uniform(low, high, variable.shape))
    return network


@pytest.fixture(scope="session")
def tiny_model(tiny_network: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a model named ``tiny``; do not change it."""
    folder = tmp_path_factory.mktemp("models") / "tiny"
    thresholds = InstanceOptions(0.4, 0.6, 9)
    store.save_model(
        folder,
        Network.of(tiny_network, TINY),
        name="tiny",
        thresholds=thresholds,
        diameters=DiameterRange(12.0, 46.0),
        provenance=PROVENANCE,
    )
    return folder


@pytest.fixture(scope="session")
def dsb2018_zip() -> Path:
    """Return DSB2018 as Kaggle ships it; it lies beside the repository, not in it."""
    return _beside_the_repository("stage1_train.zip")


@pytest.fixture(scope="session")
def dsb2018_splits() -> Path:
    """Return the table of kinds and splits of DSB2018."""
    return _beside_the_repository("splits.csv")


def _beside_the_repository(name: str) -> Path:
    path = DSB2018 / name
    if not path.is_file():
        pytest.skip(f"the data set is not here: no ../shared/dsb2018/{name}")
    return path
