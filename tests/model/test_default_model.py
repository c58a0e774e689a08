"""The model that ships: it loads, does what it did where it was made, and says where it is from."""

from __future__ import annotations

from pathlib import Path

from napari_nuclei import paths
from napari_nuclei.model import store


def _bytes(path: Path) -> int:
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())


def test_it_loads_and_its_probe_holds() -> None:
    model = store.load_model()

    assert model.name == "default"
    assert model.folder == paths.default_model()


def test_it_and_the_encoder_keep_the_wheel_small() -> None:
    shipped = _bytes(paths.default_model()) + _bytes(paths.imagenet_encoder().parent)

    assert shipped <= 20e6


def test_its_folder_holds_a_model_and_nothing_else() -> None:
    names = {path.name for path in paths.default_model().iterdir()}

    assert names == {"manifest.json", "weights.safetensors"}


def test_it_says_what_it_was_trained_on_how_well_it_does_and_who_may_use_it() -> None:
    provenance = store.load_model().manifest.provenance

    assert "BBBC038" in str(provenance["data"])
    assert provenance["licence"]
    assert provenance["metrics"]
    assert provenance["base"]
