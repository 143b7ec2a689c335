"""What all settings share: frozen, nothing unknown, numbers with units and limits."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    model_validator,
)

_NUMBERS = (int, float, int | None, float | None)
WIDTHS = {"quarter": 8, "half": 16, "compressed": 32, "full": 64}
MOST_CHANNELS = 256


class Settings(BaseModel):
    """A frozen group of settings. An unknown name is an error, never ignored."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", protected_namespaces=(), allow_inf_nan=False
    )

    @model_validator(mode="before")
    @classmethod
    def _yes_is_no_number(cls, values: object) -> object:
        for name, value in values.items() if isinstance(values, Mapping) else ():
            field = cls.model_fields.get(name)
            if isinstance(value, bool) and field and field.annotation in _NUMBERS:
                raise ValueError(f"{name}: expected a number, not yes or no (true or false)")
        return values


def _width_by_name(value: object) -> object:
    if not isinstance(value, str):
        return value
    if value not in WIDTHS and not value.isdecimal():
        raise ValueError(f"neither a number nor one of {', '.join(WIDTHS)}")
    return WIDTHS.get(value, value)


def _known_device(name: str) -> str:
    if not re.fullmatch(r"auto|cpu|mps|cuda(:\d{1,2})?", name):
        raise ValueError("expected auto, cpu, mps, cuda, or cuda:0 and so on")
    return name


def _at_commas(value: object) -> object:
    """Names with commas between them, as ``("cuda:0,cuda:1",)``, one by one."""
    given = (value,) if isinstance(value, str) else value
    if not isinstance(given, list | tuple) or not all(isinstance(each, str) for each in given):
        return value
    return tuple(name.strip() for each in given for name in each.split(",") if name.strip())


Width = Annotated[
    int,
    BeforeValidator(_width_by_name),
    Field(
        ge=1,
        le=MOST_CHANNELS,
        description="Channels of the network's first level: a number, or quarter (8), half (16), "
        "compressed (32), full (64)",
    ),
]
Norm = Literal["layer", "instance", "batch"]
Device = Annotated[
    str,
    AfterValidator(_known_device),
    Field(description="auto takes a GPU where there is one; or cpu, mps, cuda, cuda:0 ..."),
]
Schedule = Literal["constant", "cosine", "step"]
Fraction = Annotated[float, Field(gt=0, lt=1)]
Origin = Literal["matlab", "zero", "reference"]
IfUsed = Literal["stop", "next"]


class ComRepairSettings(Settings):
    """What is done to a COM trace before volumes are put round it."""

    com_gap: int = Field(
        5, ge=0, description="Gaps of the COM trace up to so many frames are filled straight"
    )
    com_median: int | None = Field(
        None,
        ge=1,
        description="Smooth the COM trace by a median over so many frames (odd; an even number "
        "becomes one larger)",
    )
    com_median_reference: bool = Field(
        False,
        description="That median as the reference program takes it: blind to gaps, pulled to 0 at "
        "both ends",
    )
    com_limit_mm: float | None = Field(
        None, gt=0, description="COMs with a coordinate beyond this get no pose, mm"
    )

    @model_validator(mode="after")
    def _a_median_needs_a_window(self) -> Self:
        if self.com_median_reference and self.com_median is None:
            raise ValueError("com_median_reference needs com_median, the window in frames")
        return self


class ExperimentSettings(ComRepairSettings):
    """One recording with its labels, as training takes it."""

    folder: Path = Field(description="Experiment folder")
    videos: Path | None = Field(
        None,
        description="Folder of the videos, one folder a camera; default: 'videos' in the "
        "experiment",
    )
    labels: tuple[Path, ...] = Field(
        (),
        description="Label files, when several: one an animal; default: the one in the folder",
    )
    com: Path | None = Field(
        None,
        description="Trace of the centre of mass (com3d.mat or store); default: the mean of each "
        "animal's labelled keypoints",
    )
    skeleton: str | None = Field(
        None, description="Skeleton of the labels: a built-in name or a file; default: a guess"
    )
    cameras: tuple[str, ...] = Field(
        (), description="Cameras to use, in this order; default: all of the recording"
    )
    masks: Path | None = Field(
        None,
        description="Folder of masks of the animals, <camera>/<frame>.png; only silhouette losses "
        "need them",
    )
    pixel_origin: Origin = Field(
        "matlab",
        description="Where the first pixel lies in MATLAB-layout files: matlab (1, 1), zero "
        "(0, 0), or reference (what pretrained s-DANNCE weights learned with)",
    )


class TrainSettings(Settings):
    """What every training has in common."""

    experiments: tuple[ExperimentSettings, ...] = Field(
        (), description="Recordings with labels to learn from"
    )
    output: Path | None = Field(
        None, description="Folder for this run; default: a folder in the first experiment"
    )
    if_used: IfUsed = Field(
        "stop",
        description="When 'output' holds something else: stop, or take the next folder that does "
        "not (train-2)",
    )
    start_from: Path | None = Field(
        None,
        description="Checkpoint whose weights to start from (.safetensors, or a reference .pth); "
        "what does not fit is adapted or begins anew, and told",
    )
    epochs: int = Field(100, ge=1, description="Passes over the training examples")
    steps: int | None = Field(
        None, ge=1, description="Optimiser steps in all; when given, it replaces epochs"
    )
    learning_rate: float = Field(1e-3, gt=0, le=1, description="Step size of Adam at the start")
    schedule: Schedule = Field(
        "cosine",
        description="Step size over time: constant, cosine (falls to 1 %), or step (smaller after "
        "the 'milestones')",
    )
    milestones: tuple[int, ...] = Field(
        (), description="Epochs after which a 'step' schedule falls; default: after two thirds"
    )
    step_factor: Fraction = Field(
        0.1, description="Factor by which a 'step' schedule falls at each milestone"
    )
    split: Literal["stratified", "reference"] = Field(
        "stratified",
        description="How validation frames are chosen: stretches spread over time, or drawn at "
        "random as the reference program does",
    )
    validation_frames: int = Field(
        4, ge=0, description="Labelled frames of each experiment kept for validation"
    )
    validation_experiments: tuple[int, ...] = Field(
        (),
        description="Only these experiments (from 0) validate, and they do not train; default: "
        "some frames of each",
    )
    train_frames: int | None = Field(
        None,
        ge=1,
        description="Most labelled frames of each experiment to learn from; default: all",
    )
    train_share: Fraction | None = Field(
        None,
        description="Share of the labelled frames of each experiment that do not validate to learn "
        "from; default: all",
    )
    validate_every: int = Field(1, ge=1, description="Epochs between validations")
    stop_after: int | None = Field(
        None, ge=1, description="Stop after this many validations without a better one"
    )
    clip_gradient: float | None = Field(
        None, gt=0, description="Longest gradient; longer ones are shortened to it"
    )
    average: Fraction | None = Field(
        None,
        description="Keep a running average of the weights, with this share of the old average a "
        "step (0.999, say); it is what validates and is saved",
    )
    mixed_precision: bool = Field(True, description="Half precision where it is fast (CUDA)")
    reference_weights: bool = Field(
        False, description="Write the checkpoints as .pth of the reference program, too"
    )
    seed: int = Field(0, ge=0, le=2**32 - 1, description="Seed of all randomness")
    device: Device = "auto"


ClusterKind = Literal["local", "slurm", "pbs", "sge", "lsf"]


class ClusterJobSettings(Settings):
    """What a cluster is asked for."""

    count: int = Field(4, ge=1, le=10_000, description="How many jobs to ask for")
    cores: int = Field(4, ge=1, le=1024, description="Cores of a job")
    memory: str = Field(
        "16GB", pattern=r"^\d+ ?[kMGT]?i?B$", description="Memory of a job, with its unit"
    )
    walltime: str = Field(
        "08:00:00",
        pattern=r"^(\d+-)?\d{1,3}:\d{2}(:\d{2})?$",
        description="Longest time of a job, hours:minutes:seconds",
    )
    queue: str | None = Field(None, description="Queue or partition; default: the cluster's")
    account: str | None = Field(None, description="Account or project to charge")
    directives: tuple[str, ...] = Field(
        (), description="More for the head of the job script, as --gres=gpu:1"
    )
    setup: tuple[str, ...] = Field(
        (), description="Shell commands before the work, as 'module load cuda'"
    )
    chunks: int = Field(8, ge=1, description="Chunks that follow one another in a task")


class PredictSettings(Settings):
    """What every prediction has in common."""

    experiment: Path | None = Field(None, description="Experiment folder")
    videos: Path | None = Field(
        None,
        description="Folder of the videos, one folder a camera; default: 'videos' in the "
        "experiment",
    )
    pixel_origin: Origin | None = Field(
        None,
        description="Where the first pixel lies in MATLAB-layout files: matlab (1, 1), zero "
        "(0, 0), or reference (as s-DANNCE); default: as the network learned",
    )
    checkpoint: Path = Field(description="Trained network (.safetensors, or a reference .pth)")
    output: Path | None = Field(
        None, description="Folder for the results; default: a folder in the experiment"
    )
    if_used: IfUsed = Field(
        "stop",
        description="When 'output' holds something else: stop, or take the next folder that does "
        "not (predict-2)",
    )
    cameras: tuple[str, ...] = Field(
        (), description="Cameras to use, in this order; default: those of the checkpoint, else all"
    )
    start: int = Field(0, ge=0, description="First frame of the recording to predict")
    count: int | None = Field(None, ge=1, description="How many frames; default: to the end")
    labelled_only: bool = Field(
        False, description="Only frames that are in the recording's label files"
    )
    batch_size: int = Field(4, ge=1, description="Frames that go through the network together")
    chunk: int = Field(
        500, ge=1, description="Frames written to the store at once; a killed job loses one chunk"
    )
    mat_files: bool = Field(
        True,
        description="Write the results as .mat files of the reference program, too, beside the "
        "store",
    )
    device: Device = "auto"
    devices: Annotated[tuple[Device, ...], BeforeValidator(_at_commas)] = Field(
        (),
        description="Devices to share the work among, a process each, with commas: cuda:0,cuda:1; "
        "default: only 'device', in this process",
    )
    workers: int = Field(
        1, ge=1, le=1024, description="Processes on each device; they share the machine's cores"
    )
    cluster: ClusterKind | None = Field(
        None, description="Queueing system to hand the work to; local: processes of this machine"
    )
    cluster_job: ClusterJobSettings = ClusterJobSettings()

    @model_validator(mode="after")
    def _one_way_to_share(self) -> Self:
        if self.cluster and self.crew:
            raise ValueError("cluster, or devices and workers: one of them shares the work")
        return self

    @property
    def crew(self) -> tuple[str, ...]:
        """Device of each process that shares the work; none when this one works alone."""
        if not self.devices and self.workers == 1:
            return ()
        return (self.devices or (self.device,)) * self.workers

    @property
    def own_device(self) -> str:
        """Device of this process: one that only hands out work takes no GPU's memory."""
        return "cpu" if self.crew or self.cluster else self.device
