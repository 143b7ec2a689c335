"""Losses and step sizes of a configuration of the reference program, as settings of ours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

from napari_sdannce.settings.losses import NEED_NO_LABELS, Loss

from .errors import FileFormatError
from .reference_config import EXPECTED, Reference
from .yaml_file import portable_path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

_NAMES = tuple(
    name for kind in get_args(Loss) for name in get_args(kind.model_fields["name"].annotation)
)
_FROM_SKELETON = ("body_profile", "num_joints", "animal")
"""Arguments that repeat what the skeleton says."""


MOST_FALLS = 1000
"""Whatever the factor, nothing is learned after so many."""


def losses_of(reference: Reference) -> list[dict[str, Any]]:
    """Losses with their weights, as `AnyLoss` reads them.

    Raises
    ------
    FileFormatError
        When a loss is not known, or its arguments are no mapping.
    """
    given = reference.config.loss
    table = given if isinstance(given, dict) else {given: {}}
    return [_loss(reference, name, arguments) for name, arguments in table.items()]


def names_of(reference: Reference) -> tuple[str, ...]:
    """Names of the losses."""
    given = reference.config.loss
    return tuple(given) if isinstance(given, dict) else (given,)


def learns_unlabelled(reference: Reference) -> bool:
    """Whether frames without labels are wanted, and a loss learns from them."""
    wanted = reference.config.unlabeled_sampling is not None
    return wanted and bool(set(names_of(reference)) & set(NEED_NO_LABELS))


def _loss(reference: Reference, name: str, arguments: Any) -> dict[str, Any]:
    if name not in _NAMES:
        raise _wrong(reference, f"there is no '{name}', only {', '.join(_NAMES)}")
    if arguments is not None and not isinstance(arguments, dict):
        raise _wrong(reference, f"the arguments of {name} are {arguments}, not keys with values")
    values = {key: value for key, value in (arguments or {}).items() if key not in _FROM_SKELETON}
    weight = values.pop("loss_weight", 1.0)
    if name == "BoneLengthLoss":
        values = _bone_lengths(reference, values)
    return {"name": name, "weight": weight, **values}


def _bone_lengths(reference: Reference, values: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments of the bone lengths, with the reference's defaults where they are not ours."""
    changed = {"relative_scale": False, "ref_loss_weight": 0.1, **values}
    from_data = changed.pop("compute_priors_from_data", False)
    if from_data or changed.get("priors") is None:
        # lengths from data are shares of the reference bone, whose own length has no prior then
        return changed | {"priors": None, "relative_scale": True, "ref_loss_weight": 0.0}
    try:
        priors = portable_path(str(changed["priors"]))
    except ValueError as error:
        raise _wrong(reference, f"the priors of BoneLengthLoss: {error}") from error
    return changed | {"priors": reference.folder / priors}


def schedule_of(reference: Reference) -> dict[str, Any]:
    """Settings of the step size over time; constant for a scheduler that is not known."""
    if not is_known_schedule(reference):
        return {"schedule": "constant"}
    scheduler = reference.config.lr_scheduler or {}
    arguments = scheduler.get("args")
    known = _SCHEDULES[str(scheduler.get("type"))]
    return known(arguments if isinstance(arguments, dict) else {}, reference.config.epochs)


def is_known_schedule(reference: Reference) -> bool:
    """Whether the configuration's scheduler has a counterpart here."""
    return str((reference.config.lr_scheduler or {}).get("type")) in _SCHEDULES


def _at_milestones(arguments: Mapping[str, Any], epochs: int) -> dict[str, Any]:
    milestones = arguments.get("milestones", ())
    return {
        "schedule": "step",
        "milestones": milestones,
        "step_factor": arguments.get("gamma", 0.1),
    }


def _every_so_often(arguments: Mapping[str, Any], epochs: int) -> dict[str, Any]:
    every = arguments.get("step_size")
    falls: Iterable[int] = ()
    if isinstance(every, int) and every > 0:
        falls = range(every, min(epochs, MOST_FALLS * every), every)
    return _at_milestones({**arguments, "milestones": tuple(falls)}, epochs)


_SCHEDULES: dict[str, Callable[[Mapping[str, Any], int], dict[str, Any]]] = {
    "MultiStepLR": _at_milestones,
    "StepLR": _every_so_often,
    "CosineAnnealingLR": lambda arguments, epochs: {"schedule": "cosine"},
}


def _wrong(reference: Reference, found: str) -> FileFormatError:
    return FileFormatError(reference.files[-1], f"'loss': {found}", EXPECTED)
