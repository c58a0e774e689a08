from __future__ import annotations

from pathlib import Path

import pytest

from napari_nuclei.errors import RunError
from napari_nuclei.pipeline.holding import held


def test_a_folder_is_held_by_one_block_at_a_time(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    is_refused = pytest.raises(RunError, match="another process is still at it")
    with held(tmp_path), held(tmp_path / "other"), is_refused, held(tmp_path):
        pass
    with held(tmp_path):
        pass


def test_an_error_within_the_block_stays_what_it_is(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="mine"), held(tmp_path):
        raise OSError("mine")
    with held(tmp_path):
        pass


def test_a_folder_that_refuses_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(RunError, match="cannot be written"), held(tmp_path / "file"):
        pass
