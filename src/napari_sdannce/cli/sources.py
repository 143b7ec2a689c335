"""What the command line is pointed at: folders, settings files of ours and of the reference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os.path import normpath
from pathlib import Path
from typing import Any, TypeVar

from napari_sdannce.cli.options import OPTIONS, given_options, merged, validated
from napari_sdannce.cli.place_paths import of_experiment
from napari_sdannce.cli.progress import reporter
from napari_sdannce.cli.reference_options import with_aliases
from napari_sdannce.settings import ExperimentSettings
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
    """Values of a settings file; says what of a reference configuration is not followed.

    The reference program is run in the experiment folder, and its configurations may lie elsewhere.
    """
    from napari_sdannce.files.reference_ignored import told
    from napari_sdannce.files.settings_file import read_settings_file

    found = read_settings_file(path, model, experiment=Path.cwd())
    if found.ignored:
        with reporter(progress) as report:
            for text in told(found.ignored):
                report(Message(level="warning", text=text))
    return found.values
