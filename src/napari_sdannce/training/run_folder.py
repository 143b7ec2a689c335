"""The folder of one training: what was asked for, what was measured, the weights."""

from __future__ import annotations

import csv
import importlib.util
import json
import math
import pickle
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import torch
import yaml

from napari_sdannce.files.writing import atomic_path
from napari_sdannce.models import CheckpointError, load_checkpoint, save_checkpoint

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    import numpy.typing as npt
    from torch.utils.tensorboard import SummaryWriter

    from napari_sdannce.models.checkpoint_info import CheckpointInfo
    from napari_sdannce.models.checkpoints import Network
    from napari_sdannce.settings.base import TrainSettings
    from napari_sdannce.training.measuring import Task

_SETTINGS = "config.yaml"
_METRICS = "metrics.jsonl"
_TABLE = "training.csv"
_STATE = "state.pt"
_STOP = "STOP"


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

    @classmethod
    def reopen(cls, path: Path, epoch: int) -> RunFolder:
        """Open the folder of a run that goes on after this epoch; what was logged later is undone.

        A run that was killed may have logged an epoch whose weights it did not save any more.
        """
        run = cls(path.absolute())
        run._keep_lines(run.path / _METRICS, lambda line: json.loads(line)["epoch"] <= epoch)
        run._keep_lines(
            run.path / _TABLE,
            lambda line: line.startswith("Epoch,") or int(line.split(",", 1)[0]) <= epoch,
        )
        return run

    def _keep_lines(self, path: Path, wanted: Callable[[str], bool]) -> None:
        if not path.is_file():
            return
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        kept = [line for line in lines if line.endswith("\n") and wanted(line)]
        if len(kept) < len(lines):
            with atomic_path(path, overwrite=True) as draft:
                draft.write_text("".join(kept), encoding="utf-8")

    @property
    def stop_asked(self) -> bool:
        """Whether there is a file ``STOP`` in the folder."""
        return (self.path / _STOP).exists()

    def clear_stop(self) -> None:
        """Remove the file ``STOP``, so that the run can go on later."""
        (self.path / _STOP).unlink(missing_ok=True)

    def discard(self) -> None:
        """Remove a run that came to nothing; what others put there stays."""
        with suppress(OSError):
            (self.path / _SETTINGS).unlink(missing_ok=True)
            self.path.rmdir()

    def log(self, epoch: int, step: int, metrics: Mapping[str, float]) -> None:
        """Append what an epoch measured to ``metrics.jsonl`` and ``training.csv``."""
        known = {name: value for name, value in metrics.items() if math.isfinite(value)}
        line = json.dumps({"epoch": epoch, "step": step, **known})
        with (self.path / _METRICS).open("a", encoding="utf-8") as file:
            file.write(line + "\n")
        table = self.path / _TABLE
        columns = [name for name in metrics if name.startswith(("train_", "val_"))]
        is_new = not table.exists()
        with table.open("a", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            if is_new:
                writer.writerow(["Epoch", *columns])
            writer.writerow([epoch, *(metrics[name] for name in columns)])
        if self._scalars is not None:
            for name, value in known.items():
                self._scalars.add_scalar(name, value, epoch)
            self._scalars.flush()

    @cached_property
    def _scalars(self) -> SummaryWriter | None:
        """Where TensorBoard reads, if it is installed."""
        if importlib.util.find_spec("tensorboard") is None:
            return None
        from torch.utils.tensorboard import SummaryWriter

        return SummaryWriter(str(self.path / "logs"))

    def close(self) -> None:
        """Write no more for TensorBoard."""
        writer: SummaryWriter | None = vars(self).get("_scalars")
        if writer is not None:
            writer.close()

    def picture(self, epoch: int, image: npt.NDArray[np.uint8]) -> None:
        """Write a sample picture (H, W, 3) to ``samples/epoch-<n>.png``."""
        path = self.path / "samples" / f"epoch-{epoch:05}.png"
        path.parent.mkdir(exist_ok=True)
        _, encoded = cv2.imencode(".png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
        path.write_bytes(encoded.tobytes())

    def save(self, name: str, network: Network, info: CheckpointInfo) -> Path:
        """Write a checkpoint; returns its path."""
        return save_checkpoint(self.path / "checkpoints" / name, network, info)

    def save_array(self, name: str, values: npt.NDArray[np.float64]) -> None:
        """Write numbers that belong to the run to ``<name>.npy``."""
        np.save(self.path / f"{name}.npy", values)

    def save_state(self, state: Mapping[str, Any]) -> None:
        """Write all that is needed to go on exactly from here."""
        path = self.path / "checkpoints" / _STATE
        with atomic_path(path, overwrite=True) as draft:
            torch.save(dict(state), draft)

    def state(self) -> dict[str, Any]:
        """Read what `save_state` wrote; nothing in it is executed.

        Raises
        ------
        FileNotFoundError
            When the run saved none.
        CheckpointError
            When it is damaged.
        """
        path = self.path / "checkpoints" / _STATE
        if not path.is_file():
            raise FileNotFoundError(
                f"no {path}: the run can not go on; is {self.path} a run folder?"
            )
        try:
            state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        except (RuntimeError, pickle.UnpicklingError, EOFError, OSError) as error:
            raise CheckpointError(f"{path}: damaged: {error}") from error
        return state

    def complete(self, name: str, task: Task, device: str) -> CheckpointInfo:
        """Let a task complete what a checkpoint says of itself."""
        path = self.path / "checkpoints" / f"{name}.safetensors"
        saved = load_checkpoint(path, device)
        info = task.described(saved.network, saved.info)
        if info != saved.info:
            save_checkpoint(path, saved.network, info)
        return info


def _free(path: Path) -> Path:
    """The path, or with the first number that makes it new."""
    candidate, number = path, 2
    while candidate.exists() and any(candidate.iterdir()):
        candidate = path.with_name(f"{path.name}-{number}")
        number += 1
    return candidate
