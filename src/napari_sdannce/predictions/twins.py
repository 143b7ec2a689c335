"""Files beside a store, in the reference's layout, that hold the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_sdannce.files.mat import write_mat
from napari_sdannce.files.mat5_read import MAX_VARIABLE_BYTES
from napari_sdannce.files.mat5_write import size_in_mat5
from napari_sdannce.files.moment_blocks import MomentBlocks, Zeros

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from napari_sdannce.files.mat_values import MatValue


@dataclass(frozen=True, eq=False)
class Twin:
    """A ``.mat`` file that holds what a store does, block by block.

    Parameters
    ----------
    name
        Of the file.
    variables
        What it holds.
    """

    name: str
    variables: Mapping[str, MatValue]

    @property
    def fits(self) -> bool:
        """Whether it can be written: no variable reaches the 2 GiB that are the format's limit."""
        return all(
            size_in_mat5(name, value) < MAX_VARIABLE_BYTES
            for name, value in self.variables.items()
            if isinstance(value, MomentBlocks | Zeros)
        )

    def write(self, folder: Path, *, overwrite: bool = False) -> Path:
        """Write it into a folder, whole or not at all.

        Raises
        ------
        FileExistsError
            When the file exists and may not be overwritten.
        ValueError
            When it does not fit.
        """
        folder.mkdir(parents=True, exist_ok=True)
        return write_mat(folder / self.name, self.variables, overwrite=overwrite)
