"""Finished blocks on disk, until all of them are: what lets a run go on after whatever ended it."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_nuclei import files
from napari_nuclei.core.blocks import Block, Spill
from napari_nuclei.errors import RunError
from napari_nuclei.pipeline.holding import held

if TYPE_CHECKING:
    from napari_nuclei.core.measure import Table
    from napari_nuclei.pipeline.planes import Index

_COLUMN = "column_"
_SPILL = "spill_"
_RECORD = "run.json"


@dataclass(frozen=True)
class Place:
    """A block of one plane of many."""

    index: Index
    block: Block

    @property
    def name(self) -> str:
        """Its name among all blocks."""
        return "-".join(map(str, (*self.index, self.block.row, self.block.column)))


@dataclass(frozen=True)
class FinishedBlock:
    """What was found in a block, with ids from 1.

    Attributes
    ----------
    labels : numpy.ndarray
        Shape (Y, X) of the core, of an unsigned type.
    spill : Spill
        What its nuclei have beyond the core.
    table : dict of str to numpy.ndarray
        One row a nucleus.
    """

    labels: NDArray[Any]
    spill: Spill
    table: Table


@dataclass(frozen=True)
class BlockFolder:
    """The folder of an unfinished run: ``run.json``, and a file for each finished block.

    Attributes
    ----------
    path : Path
    blocks : str
        The subfolder of the blocks, as `of_run` names it.
    """

    path: Path
    blocks: str = "blocks"

    def of_run(self, record: dict[str, Any]) -> BlockFolder:
        """Return the folder with a subfolder of blocks that no run of another record has.

        A worker of a run that was stopped may still save a block when the next one is at it.
        """
        key = hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()[:8]
        return replace(self, blocks=f"blocks-{key}")

    def has(self, place: Place) -> bool:
        """Tell whether a block is finished."""
        return self._file(place).is_file()

    def save(self, place: Place, found: FinishedBlock) -> None:
        """Write a block, whole or not at all."""
        arrays: dict[str, Any] = {"labels": found.labels}
        arrays |= {f"{_SPILL}{name}": part for name, part in vars(found.spill).items()}
        arrays |= {f"{_COLUMN}{name}": column for name, column in found.table.items()}

        def write(temporary: Path) -> None:
            np.savez_compressed(temporary, **arrays)

        files.replace_file(self._file(place), write)

    def read_labels(self, place: Place) -> NDArray[Any]:
        """Return the labels of the core."""
        with np.load(self._file(place), allow_pickle=False) as block:
            labels: NDArray[Any] = block["labels"]
            return labels

    def read_spill(self, place: Place) -> Spill:
        """Return what the nuclei of a block have beyond its core."""
        with np.load(self._file(place), allow_pickle=False) as block:
            return Spill(*(block[f"{_SPILL}{name}"] for name in ("y", "x", "ids")))

    def read_table(self, place: Place) -> Table:
        """Return the table of a block."""
        with np.load(self._file(place), allow_pickle=False) as block:
            names = [name for name in block if name.startswith(_COLUMN)]
            return {name.removeprefix(_COLUMN): block[name] for name in names}

    def count(self, place: Place) -> int:
        """Return how many nuclei a block has."""
        with np.load(self._file(place), allow_pickle=False) as block:
            return len(block[f"{_COLUMN}index"])

    def read_record(self) -> dict[str, Any] | None:
        """Return what `write_record` wrote; None when nothing was."""
        path = self.path / _RECORD
        try:
            record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except ValueError as error:
            raise RunError(f"{path} is damaged: remove its folder and start again.") from error
        return record

    def write_record(self, record: dict[str, Any]) -> None:
        """Note what the run is about, as JSON values."""
        files.write_text(self.path / _RECORD, json.dumps(record, indent=1))

    @contextmanager
    def held(self) -> Iterator[None]:
        """Make the folder, and keep other processes from it for as long as the block runs.

        Raises
        ------
        RunError
            When one is at it.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        with held(self.path):
            yield

    def remove(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self.path, ignore_errors=True)

    def _file(self, place: Place) -> Path:
        return self.path / self.blocks / f"{place.name}.npz"
