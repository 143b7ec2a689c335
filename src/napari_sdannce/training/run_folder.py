"""The folder of one training: what was asked for, what was measured, the weights."""

from __future__ import annotations

import csv
import importlib.util
import json
import math
import pickle
import re
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import torch
import yaml
from filelock import FileLock, Timeout

from napari_sdannce.files.writing import atomic_path, naming
from napari_sdannce.models import CheckpointError, load_checkpoint, save_checkpoint
from napari_sdannce.models.reference import DAMAGE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
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
_LOCK = ".lock"
_CHECKPOINTS = ("last", "best")


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
            As resolved; `settings.output` is where the folder shall be, or with
            `settings.if_used` the first after it that is free.
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
        takes_next = settings.output is None or settings.if_used == "next"
        wanted = (settings.output or default).absolute()
        path = _free(wanted) if takes_next else wanted
        if path.exists() and not path.is_dir():
            raise NotADirectoryError(f"{path} is a file, expected a folder for the run")
        if path.exists() and any(path.iterdir()):
            raise FileExistsError(f"{path} is not empty; choose another output folder")
        path.mkdir(parents=True, exist_ok=True)
        try:
            # whoever makes this file has the folder
            with (path / _SETTINGS).open("x", encoding="utf-8") as file:
                file.write(_as_yaml(settings))
        except FileExistsError:
            return cls.create(settings, default)
        return cls(path)

    def go_on(self, settings: TrainSettings, epoch: int) -> None:
        """Let a run go on after this epoch; what was logged later is undone.

        A run that was killed may have logged an epoch whose weights it did not save any more.

        Parameters
        ----------
        settings
            To another end, perhaps: the next time, the run goes on to that.
        """
        self.clear_stop()
        self._keep_lines(self.path / _METRICS, re.compile(r'\{"epoch": (\d+),.*\}'), epoch)
        self._keep_lines(self.path / _TABLE, re.compile(r"(?:Epoch|(\d+)),.*"), epoch)
        path = self.path / _SETTINGS
        before = type(settings).model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
        if before != settings:
            with atomic_path(path, overwrite=True) as draft:
                draft.write_text(_as_yaml(settings), encoding="utf-8")

    def _keep_lines(self, path: Path, line_of: re.Pattern[str], epoch: int) -> None:
        """Keep the lines up to an epoch; what is no whole line of a log was cut by a crash."""
        if not path.is_file():
            return
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True)
        found = [(line, line_of.fullmatch(line.removesuffix("\n"))) for line in lines]
        kept = [line for line, match in found if match and int(match[1] or 0) <= epoch]
        kept = [line for line in kept if line.endswith("\n")]
        if len(kept) < len(lines):
            with atomic_path(path, overwrite=True) as draft:
                draft.write_text("".join(kept), encoding="utf-8")

    @contextmanager
    def alone(self) -> Iterator[None]:
        """A block in which no other process trains in this folder.

        Raises
        ------
        FileExistsError
            When another one does.
        """
        lock = FileLock(self.path / _LOCK, thread_local=False)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            raise FileExistsError(f"{self.path}: another process trains there") from None
        try:
            yield
        finally:
            lock.release()

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
            for ours in (self.path / _SETTINGS, self.path / _LOCK, *self.path.glob("*.npy")):
                ours.unlink(missing_ok=True)
            self.path.rmdir()

    def log(self, epoch: int, step: int, metrics: Mapping[str, float]) -> None:
        """Append what an epoch measured to ``metrics.jsonl`` and ``training.csv``."""
        known = {name: value for name, value in metrics.items() if math.isfinite(value)}
        line = json.dumps({"epoch": epoch, "step": step, **known})
        lines = self.path / _METRICS
        with naming(lines), lines.open("a", encoding="utf-8") as file:
            file.write(line + "\n")
        table = self.path / _TABLE
        columns = [name for name in metrics if name.startswith(("train_", "val_"))]
        is_new = not table.exists()
        with naming(table), table.open("a", encoding="utf-8", newline="") as file:
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
        with atomic_path(path, overwrite=True) as draft:
            draft.write_bytes(encoded.tobytes())

    def save(self, name: str, network: Network, info: CheckpointInfo) -> Path:
        """Write a checkpoint; returns its path."""
        return save_checkpoint(self.path / "checkpoints" / name, network, info)

    def save_array(self, name: str, values: npt.NDArray[np.float64]) -> None:
        """Write numbers that belong to the run to ``<name>.npy``."""
        with atomic_path(self.path / f"{name}.npy", overwrite=True) as draft:
            np.save(draft, values)

    def save_beginning(self, text: str) -> None:
        """Write what became of the weights that the run started from to ``start.txt``."""
        with atomic_path(self.path / "start.txt", overwrite=True) as draft:
            draft.write_text(text, encoding="utf-8")

    def saved(self) -> dict[str, Path]:
        """Checkpoints that are there."""
        paths = {name: self.path / "checkpoints" / f"{name}.safetensors" for name in _CHECKPOINTS}
        return {name: path for name, path in paths.items() if path.is_file()}

    def save_state(self, state: Mapping[str, Any]) -> None:
        """Write all that is needed to go on exactly from here.

        Raises
        ------
        OSError
            When it can not be written, for example to a full disk.
        """
        path = self.path / "checkpoints" / _STATE
        with atomic_path(path, overwrite=True) as draft:
            try:
                torch.save(dict(state), draft)
            except RuntimeError as error:
                raise OSError(
                    f"{path}: the state could not be written; is the disk full? ({error})"
                ) from error

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
            state = torch.load(path, map_location="cpu", weights_only=True)
        except pickle.UnpicklingError as error:
            # torch's own text advises to run the code
            raise CheckpointError(f"{path}: damaged, or no state of a training") from error
        except DAMAGE as error:
            raise CheckpointError(f"{path}: damaged: {str(error) or 'it ends early'}") from error
        if not isinstance(state, dict) or not isinstance(state.get("done"), dict):
            raise CheckpointError(f"{path}: holds no state of a training")
        return state

    def complete(self, name: str, task: Task, device: str) -> CheckpointInfo:
        """Let a task complete what a checkpoint says of itself."""
        path = self.path / "checkpoints" / f"{name}.safetensors"
        saved = load_checkpoint(path, device)
        info = task.described(saved.network, saved.info)
        if info != saved.info:
            save_checkpoint(path, saved.network, info)
        return info


def _as_yaml(settings: TrainSettings) -> str:
    content = settings.model_dump(mode="json")
    return str(yaml.safe_dump(content, sort_keys=False, allow_unicode=True))


def _free(path: Path) -> Path:
    """The path, or with the first number that makes it new."""
    candidate, number = path, 2
    while candidate.exists() and any(candidate.iterdir()):
        candidate = path.with_name(f"{path.name}-{number}")
        number += 1
    return candidate
