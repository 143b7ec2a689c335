"""The folder of one training: what was asked for, what was measured, the weights."""

from __future__ import annotations

import csv
import json
import math
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import yaml

from napari_sdannce.models import save_checkpoint

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from napari_sdannce.models.checkpoint_info import CheckpointInfo
    from napari_sdannce.models.checkpoints import Network
    from napari_sdannce.settings.base import TrainSettings

_SETTINGS = "config.yaml"


@dataclass(frozen=True)
class RunFolder:
    """Files of one training: ``config.yaml``, ``metrics.jsonl``, ``training.csv``, checkpoints."""

    path: Path

    @classmethod
    def create(cls, settings: TrainSettings, default: Path) -> RunFolder:
        """Make the folder and write the settings.

        Parameters
        ----------
        settings
            As resolved; `settings.output` is where the folder shall be.
        default
            Used when the settings name none; the first of ``default``, ``default-2``, ... that does
            not exist.

        Raises
        ------
        NotADirectoryError
            When a file is where the folder shall be.
        FileExistsError
            When the folder that was asked for holds something already.
        """
        path = (settings.output or _free(default)).absolute()
        if path.exists() and not path.is_dir():
            raise NotADirectoryError(f"{path} is a file, expected a folder for the run")
        if path.exists() and any(path.iterdir()):
            raise FileExistsError(f"{path} is not empty; choose another output folder")
        path.mkdir(parents=True, exist_ok=True)
        content = settings.model_dump(mode="json")
        text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
        (path / _SETTINGS).write_text(text, encoding="utf-8")
        return cls(path)

    def discard(self) -> None:
        """Remove a run that came to nothing; what others put there stays."""
        with suppress(OSError):
            (self.path / _SETTINGS).unlink(missing_ok=True)
            self.path.rmdir()

    def log(self, epoch: int, step: int, metrics: Mapping[str, float]) -> None:
        """Append what an epoch measured to ``metrics.jsonl`` and ``training.csv``."""
        known = {name: value for name, value in metrics.items() if math.isfinite(value)}
        line = json.dumps({"epoch": epoch, "step": step, **known})
        with (self.path / "metrics.jsonl").open("a", encoding="utf-8") as file:
            file.write(line + "\n")
        table = self.path / "training.csv"
        columns = [name for name in metrics if name.startswith(("train_", "val_"))]
        is_new = not table.exists()
        with table.open("a", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            if is_new:
                writer.writerow(["Epoch", *columns])
            writer.writerow([epoch, *(metrics[name] for name in columns)])

    def save(self, name: str, network: Network, info: CheckpointInfo) -> Path:
        """Write a checkpoint; returns its path."""
        return save_checkpoint(self.path / "checkpoints" / name, network, info)


def _free(path: Path) -> Path:
    """The path, or with the first number that makes it new."""
    candidate, number = path, 2
    while candidate.exists() and any(candidate.iterdir()):
        candidate = path.with_name(f"{path.name}-{number}")
        number += 1
    return candidate
