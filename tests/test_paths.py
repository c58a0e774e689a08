from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs

from napari_nuclei import paths

if TYPE_CHECKING:
    import pytest


def kept() -> list[Path]:
    """Return the folders of what somebody makes."""
    return [
        paths.user_models(),
        paths.large_results(),
        paths.training_runs(),
        paths.default_project(),
        paths.autosaves(),
    ]


def test_one_variable_moves_all_that_is_written(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("NAPARI_NUCLEI_HOME", str(tmp_path))
    folders = [*kept(), paths.sample_cache()]
    assert [folder.parent for folder in folders] == [tmp_path] * 6
    assert len(set(folders)) == 6


def test_what_somebody_made_is_not_kept_where_caches_are_emptied(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("NAPARI_NUCLEI_HOME")
    monkeypatch.setattr(platformdirs, "user_data_dir", lambda app: tmp_path / "data" / app)
    monkeypatch.setattr(platformdirs, "user_cache_dir", lambda app: tmp_path / "cache" / app)
    assert {folder.parent for folder in kept()} == {tmp_path / "data" / "napari-nuclei"}
    assert paths.sample_cache() == tmp_path / "cache" / "napari-nuclei" / "samples"


def test_the_home_of_a_person_may_be_a_tilde(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.setenv("NAPARI_NUCLEI_HOME", "~/nuclei")
    monkeypatch.setenv("NAPARI_NUCLEI_DATA", "~/dsb2018")
    assert paths.user_models() == tmp_path / "nuclei" / "models"
    assert paths.local_data() == tmp_path / "dsb2018"
