"""Configuration of the reference program: a main YAML and the ``io.yaml`` of an experiment folder.

Every key of the reference is either a field of `ReferenceConfig` or reported as ignored with the
reason. Paths are relative to the experiment folder, which for the reference was the current one.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    ValidationError,
    model_validator,
)

from .errors import FileFormatError
from .reference_graph import ReferenceGraph
from .reference_ignored import Ignored
from .reference_keys import IGNORED
from .reference_values import (
    NoneText,
    Number,
    PathText,
    Positive,
    Range,
    Seed,
    no_list,
    path_text,
)
from .yaml_file import YamlFile, read_yaml

EXPECTED = "a configuration of s-DANNCE (main YAML and io.yaml)"
DEFAULT_IO = "io.yaml"


Keypoints = Annotated[tuple[Annotated[int, Field(ge=0)], ...], BeforeValidator(no_list)]
Graph = Annotated[ReferenceGraph | None, NoneText]


class _Group(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", coerce_numbers_to_str=True)


class ReferenceExperiment(_Group):
    """One entry of ``exp`` or ``com_exp``."""

    label3d_file: Annotated[Path, BeforeValidator(path_text)]
    com_file: PathText = None
    viddir: PathText = None
    camnames: Annotated[tuple[str, ...] | None, NoneText] = None

    @property
    def folder(self) -> Path:
        """Experiment folder of the entry."""
        return self.label3d_file.parent


class ReferenceConfig(_Group):
    """Values of a configuration under the reference's own names; unset ones have its defaults.

    Lengths are in mm, image sizes in px. Strings such as ``"5e-5"`` are numbers, as people mean
    them, though YAML does not.
    """

    io_config: PathText = None
    viddir: Annotated[Path, BeforeValidator(path_text)] = Path("videos")
    camnames: Annotated[tuple[str, ...] | None, NoneText] = None
    random_seed: Annotated[Seed | None, NoneText] = None
    mono: bool = False
    n_views: int = Field(6, ge=1)
    crop_height: Range = None
    crop_width: Range = None
    downfac: Annotated[Annotated[int, Field(ge=1)] | None, NoneText] = None
    batch_size: int = Field(4, ge=1)
    net_type: str = "compressed_dannce"
    n_instances: int = Field(1, ge=1)
    n_channels_out: Annotated[Annotated[int, Field(ge=1)] | None, NoneText] = None
    norm_method: Literal["layer", "instance", "batch"] = "layer"

    exp: Annotated[tuple[ReferenceExperiment, ...], BeforeValidator(no_list)] = ()
    com_exp: Annotated[tuple[ReferenceExperiment, ...] | None, NoneText] = None
    data_split_seed: Annotated[Seed | None, NoneText] = 42
    num_validation_per_exp: int = Field(4, ge=0)
    valid_exp: Annotated[tuple[Annotated[int, Field(ge=0)], ...], BeforeValidator(no_list)] = ()
    num_train_per_exp: Annotated[Annotated[int, Field(ge=1)] | None, NoneText] = None
    training_fraction: Annotated[Annotated[float, Field(gt=0, le=1)] | None, NoneText] = None
    drop_landmark: Keypoints = ()
    train_mode: Literal["new", "finetune", "continued"] = "new"
    epochs: int = Field(50, ge=1)
    lr: Annotated[Positive | None, NoneText] = None
    lr_scheduler: Annotated[dict[str, JsonValue] | None, NoneText] = None
    loss: Annotated[str | dict[str, JsonValue], Field(description="name -> arguments")] = "L1Loss"
    skeleton: str = "rat23"

    comthresh: Number = 0.0
    weighted: bool = False
    com_method: Literal["median", "mean"] = "median"
    cthresh: Annotated[Positive | None, NoneText] = None
    medfilt_window: Annotated[Annotated[int, Field(ge=1)] | None, NoneText] = None
    com_fromlabels: bool = False
    channel_combo: Annotated[str | None, NoneText] = None
    cam3_train: bool = False
    vmin: Number = -120.0
    vmax: Number = 120.0
    vol_size: Annotated[Positive | None, NoneText] = None
    nvox: int = Field(80, ge=1)
    interp: Literal["nearest", "linear", "bilinear"] = "nearest"
    expval: bool = True
    sigma: Annotated[Positive | None, NoneText] = None
    n_rand_views: Annotated[Annotated[int, Field(ge=0)] | None, NoneText] = 0
    rand_view_replace: bool = False
    rotate: bool = True
    augment_continuous_rotation: bool = False
    mirror_augmentation: bool = False
    left_keypoints: Keypoints = ()
    right_keypoints: Keypoints = ()
    augment_hue: bool = False
    augment_hue_val: Number = 0.05
    augment_brightness: bool = False
    augment_bright_val: Number = 0.05
    augment_rotation: bool = False
    augment_rotation_val: Number = 5.0
    augment_zoom: bool = False
    augment_zoom_val: Number = 0.05
    augment_shift: bool = False
    augment_shift_val: Number = 0.05
    graph_cfg: Graph = None
    unlabeled_sampling: Annotated[
        Literal["equal"] | Annotated[int, Field(ge=0)] | Annotated[float, Field(gt=0, lt=1)] | None,
        NoneText,
    ] = "equal"
    unlabeled_fraction: Annotated[
        Annotated[int, Field(ge=0)] | Annotated[float, Field(gt=0)] | None, NoneText
    ] = None
    COM_augmentation: bool = False
    COM_aug_iters: int = Field(1, ge=1)
    COM_aug_radius: Number = Field(20.0, ge=0)
    dsmode: Literal["nn", "dsm"] = "nn"

    max_num_samples: Annotated[int, Field(ge=1)] | Literal["max"] = "max"
    start_sample: int = Field(0, ge=0)
    predict_labeled_only: bool = False
    replace_view: Annotated[Annotated[int, Field(ge=1)] | None, NoneText] = None
    com_file: PathText = None
    com_train_dir: Annotated[Path, BeforeValidator(path_text)] = Path("COM/train")
    com_predict_dir: Annotated[Path, BeforeValidator(path_text)] = Path("COM/predict")
    com_predict_weights: PathText = None
    com_finetune_weights: PathText = None
    dannce_train_dir: Annotated[Path, BeforeValidator(path_text)] = Path("DANNCE/train")
    dannce_predict_dir: Annotated[Path, BeforeValidator(path_text)] = Path("DANNCE/predict")
    dannce_predict_model: PathText = None
    dannce_finetune_weights: PathText = None

    @property
    def shares_heatmap(self) -> bool:
        """Whether a COM network has one heatmap of several animals."""
        return self.n_instances > 1 and self.n_channels_out == 1

    @model_validator(mode="after")
    def _cube_has_a_size(self) -> Self:
        if self.vol_size is None and self.vmax <= self.vmin:
            raise ValueError(f"vmax {self.vmax} must be larger than vmin {self.vmin}")
        return self


@dataclass(frozen=True, eq=False)
class Reference:
    """A configuration of the reference program, read.

    Parameters
    ----------
    folder
        The experiment folder: all paths are absolute by it.
    files
        The files it was read from, that which wins first.
    config
        Its values.
    given
        Keys that the files hold, as opposed to defaults.
    ignored
        What the files hold but nothing here follows.
    """

    folder: Path
    files: tuple[Path, ...]
    config: ReferenceConfig
    given: frozenset[str]
    ignored: tuple[Ignored, ...]


def known_keys() -> frozenset[str]:
    """All keys of the reference's configuration."""
    return frozenset(ReferenceConfig.model_fields) | frozenset(IGNORED)


def read_reference_config(path: str | Path, *, folder: str | Path | None = None) -> Reference:
    """Read a main YAML and its ``io_config``; where both hold a key, the latter wins.

    Parameters
    ----------
    path
        The main YAML, or an ``io.yaml`` alone.
    folder
        The experiment folder; default: that in which ``io_config`` is found beside the main YAML.

    Raises
    ------
    FileNotFoundError
        When a file is missing.
    FileFormatError
        When a key is not known (with the names that come near), or a value makes no sense.
    """
    main = read_yaml(Path(path).expanduser().absolute(), EXPECTED)
    place = Path(folder).expanduser().absolute() if folder is not None else main.path.parent
    io = _io_file(main, place)
    files = [main] if io is None else [io, main]
    _check_known(files)
    origin = {key: file for file in reversed(files) for key in file.content}
    values = {key: file.content[key] for key, file in origin.items()}
    wanted = {key: value for key, value in values.items() if key not in IGNORED}
    try:
        config = ReferenceConfig.model_validate(wanted)
    except ValidationError as error:
        key = str(error.errors()[0]["loc"][0]) if error.errors()[0]["loc"] else ""
        raise origin.get(key, main).invalid(error, EXPECTED) from error
    where = io.path.parent if io is not None and folder is None else place
    return Reference(
        folder=where,
        files=tuple(file.path for file in files),
        config=_absolute(config, where),
        given=frozenset(values),
        ignored=tuple(
            Ignored(key, value, IGNORED[key], origin[key].path)
            for key, value in values.items()
            if key in IGNORED
        ),
    )


def _io_file(main: YamlFile, folder: Path) -> YamlFile | None:
    """File that ``io_config`` names; None when the main file names none and none is there."""
    try:
        named = path_text(main.content.get("io_config"))
    except ValueError as error:
        raise main.error(["io_config"], f"is no path: {error}", EXPECTED) from error
    if named is None:
        beside = folder / DEFAULT_IO
        return read_yaml(beside, EXPECTED) if beside.is_file() and beside != main.path else None
    if not isinstance(named, str):
        raise main.error(["io_config"], f"is {named!r}"[:100], "the path of an io.yaml")
    places = dict.fromkeys((folder, main.path.parent))
    for place in places:
        if (place / named).is_file():
            return read_yaml(place / named, EXPECTED)
    raise FileNotFoundError(
        f"{main.path}: its io_config '{named}' is not in {' or '.join(map(str, places))}; it "
        "belongs into the experiment folder"
    )


def _check_known(files: list[YamlFile]) -> None:
    known = sorted(known_keys())
    for file in files:
        unknown = [key for key in file.content if key not in known]
        if not unknown:
            continue
        told = []
        for key in unknown:
            near = difflib.get_close_matches(key, known, n=3, cutoff=0.7)
            meant = f" (perhaps {' or '.join(near)}?)" if near else ""
            told.append(f"'{key[:80]}' in line {file.line([key])}{meant}")
        raise FileFormatError(file.path, f"unknown keys: {', '.join(told)}", EXPECTED)


def _absolute(config: ReferenceConfig, folder: Path) -> ReferenceConfig:
    """The same values with every path absolute."""
    changes: dict[str, Any] = {}
    for name in ReferenceConfig.model_fields:
        value = getattr(config, name)
        if isinstance(value, Path):
            changes[name] = folder / value
        elif name in ("exp", "com_exp") and value:
            changes[name] = tuple(_absolute_experiment(each, folder) for each in value)
    return config.model_copy(update=changes)


def _absolute_experiment(experiment: ReferenceExperiment, folder: Path) -> ReferenceExperiment:
    paths = {name: getattr(experiment, name) for name in ("label3d_file", "com_file", "viddir")}
    return experiment.model_copy(
        update={name: folder / path for name, path in paths.items() if path is not None}
    )
