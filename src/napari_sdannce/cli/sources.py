"""What the command line is pointed at: folders, settings files of ours and of the reference."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from os.path import normpath
from pathlib import Path
from typing import Any, TypeVar

from napari_sdannce.cli.options import OPTIONS, given_options, merged, validated
from napari_sdannce.cli.place_paths import absolute, of_experiment
from napari_sdannce.cli.progress import reporter
from napari_sdannce.cli.reference_options import with_aliases
from napari_sdannce.settings import (
    ComPredictSettings,
    ComTrainSettings,
    DanncePredictSettings,
    DannceTrainSettings,
    ExperimentSettings,
    SdannceTrainSettings,
)
from napari_sdannce.settings.base import PredictSettings, TrainSettings
from napari_sdannce.settings.events import Message

Train = TypeVar("Train", bound=TrainSettings)
Predict = TypeVar("Predict", bound=PredictSettings)


def train_settings(
    model: type[Train], sources: tuple[str, ...], given: Mapping[str, Any], progress: str
) -> Train:
    """Settings of the sources, with the options put over them."""
    options = with_aliases(model, given_options(given))
    per_experiment = set(ExperimentSettings.model_fields)
    of_each = {path: v for path, v in options.items() if path[0] in per_experiment}
    of_job = {path: v for path, v in options.items() if path[0] not in per_experiment}
    paths = [_existing(source) for source in sources]
    files = [path for path in paths if path.is_file()]
    if files and len(paths) > 1:
        raise ValueError(f"{files[0]}: a settings file must be the only SOURCE")
    if not files:
        values: dict[str, Any] = {"experiments": [{"folder": path} for path in paths]}
        source = OPTIONS
    else:
        values, source = _read_settings(files[0], model, progress), str(files[0])
    experiments = values.get("experiments")
    if of_each and isinstance(experiments, list | tuple):
        values["experiments"] = _with_options(experiments, of_each)
    return validated(model, merged(values, of_experiment(None, of_job)), source)


def predict_settings(
    model: type[Predict], source: str, given: Mapping[str, Any], progress: str
) -> Predict:
    """Settings of the source, with the options put over them."""
    path, options = _existing(source), with_aliases(model, given_options(given))
    if path.is_dir():
        values, source = {"experiment": path}, OPTIONS
    else:
        values = {"experiment": path.parent, **_read_settings(path, model, progress)}
        source = str(path)
    return validated(model, merged(values, of_experiment(values["experiment"], options)), source)


def _with_options(experiments: Sequence[Any], options: Mapping[tuple[str, ...], Any]) -> list[Any]:
    """Experiments with these options put over them; what is no group of settings stays."""
    given = [each.get("folder") if isinstance(each, Mapping) else None for each in experiments]
    folders = [Path(each) if isinstance(each, str | Path) else None for each in given]
    count = len({normpath(folder) for folder in folders if folder is not None})
    return [
        merged(each, of_experiment(folder, options, count)) if isinstance(each, Mapping) else each
        for each, folder in zip(experiments, folders, strict=True)
    ]


def _existing(source: str) -> Path:
    path = Path(source).expanduser().absolute()
    if not path.exists():
        raise FileNotFoundError(
            f"{path} does not exist; expected an experiment folder or a YAML file of settings"
        )
    return path


def _read_settings(path: Path, model: type[Any], progress: str) -> dict[str, Any]:
    """Values of a settings file of ours (paths relative to it), or of the reference program."""
    if path.suffix.lower() not in (".yaml", ".yml"):
        raise ValueError(f"{path}: a file of type '{path.suffix}', expected a .yaml of settings")
    from napari_sdannce.files.yaml_file import read_yaml

    content = read_yaml(path, "a file of settings").content
    if set(content) <= set(model.model_fields):
        return absolute(content, path.parent)
    from napari_sdannce.files.reference_config import known_keys

    of_ours = len(set(content) & set(model.model_fields))
    if of_ours >= len(set(content) & known_keys()):
        unknown = sorted(map(str, set(content) - set(model.model_fields)))
        nested = [
            f"'{name}: ...' is written as '{group}: {{{name.removeprefix(group + '_')}: ...}}'"
            for name in unknown
            for group in model.model_fields
            if name.startswith(f"{group}_")
        ]
        near = [get_close_matches(name, model.model_fields, n=1, cutoff=0.7) for name in unknown]
        meant = ", ".join(names[0] for names in near if names)
        all_near = all(near)  # else it may be a file of another job
        there = (
            f"did you mean {meant}?" if all_near else f"there are {', '.join(model.model_fields)}"
        )
        raise ValueError(f"{path}: no settings {', '.join(unknown)}; {'; '.join(nested) or there}")
    return _from_reference(path, model, progress)


def _from_reference(path: Path, model: type[Any], progress: str) -> dict[str, Any]:
    """Values of a configuration of the reference program; says what is not followed."""
    from napari_sdannce.files import reference_prediction as prediction
    from napari_sdannce.files import reference_training as training
    from napari_sdannce.files.reference_config import read_reference_config
    from napari_sdannce.files.reference_ignored import told

    reference = read_reference_config(path, folder=_experiment_folder(path))
    converters: dict[type[Any], Callable[..., Any]] = {
        ComTrainSettings: training.to_com_train_settings,
        ComPredictSettings: prediction.to_com_predict_settings,
        DannceTrainSettings: training.to_dannce_train_settings,
        SdannceTrainSettings: training.to_sdannce_train_settings,
        DanncePredictSettings: prediction.to_dannce_predict_settings,
    }
    found = converters[model](reference)
    with reporter(progress) as report:
        for text in told(found.ignored):
            report(Message(level="warning", text=text))
    values: dict[str, Any] = found.settings.model_dump(exclude_unset=True)
    if "experiment" in model.model_fields:
        values["experiment"] = reference.folder
    return values


def _experiment_folder(path: Path) -> Path | None:
    """The current folder, when its ``io.yaml`` is meant and not one beside the configuration.

    The reference program is run so: its configurations lie elsewhere.
    """
    from napari_sdannce.files.yaml_file import read_yaml

    named = str(read_yaml(path, "a configuration").content.get("io_config", "io.yaml"))
    is_here = not (path.parent / named).is_file() and (Path.cwd() / named).is_file()
    return Path.cwd() if is_here else None
