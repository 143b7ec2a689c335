"""What a settings class asks for, field by field, for those who make forms of it."""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import annotated_types
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

UNITS = {
    **{"_mm": "mm", "_px": "px", "_deg": "°", "_us": "µs", "_db": "dB", "_mb": "MB", "_gb": "GB"},
    "_s": "s",
}
_SIMPLE = (bool, int, float, str, Path)


@dataclass(frozen=True)
class SettingField:
    """One setting.

    Parameters
    ----------
    path
        Names of the fields that lead to it, outermost first.
    kind
        Type of its value, without None; of a tuple, that of its items.
    help
        What it is.
    default
        None also where it must be given.
    is_required
        Whether there is no default.
    may_be_left
        Whether it may be left open, and what holds then is not its default but found out.
    group_may_be_left
        Whether that holds for the whole group of settings that it is in.
    is_tuple
        Whether it is several values.
    low, high, step
        Limits of a number, None: none.
    choices
        The values there are, when they are few.
    can_be_none
        Whether None is a value of its own, and not the same as leaving it open.
    """

    path: tuple[str, ...]
    kind: Any
    help: str
    default: Any = None
    is_required: bool = False
    may_be_left: bool = False
    group_may_be_left: bool = False
    is_tuple: bool = False
    low: float | None = None
    high: float | None = None
    step: float | None = None
    choices: tuple[str, ...] = ()
    can_be_none: bool = False

    @property
    def name(self) -> str:
        """Of the field itself."""
        return self.path[-1]

    @property
    def unit(self) -> str:
        """As the end of the name says."""
        return next((unit for end, unit in UNITS.items() if self.name.endswith(end)), "")

    @property
    def is_simple(self) -> bool:
        """Whether a form of plain boxes can show it."""
        return bool(self.choices) or self.kind in _SIMPLE


def fields_of(
    model: type[BaseModel], inside: tuple[str, ...] = (), *, left_open: bool = False
) -> Iterator[SettingField]:
    """Fields of a settings class, those of nested classes in its place.

    Parameters
    ----------
    model
        The class.
    inside
        Names that lead to it.
    left_open
        The class as a whole may be left out; then each of its fields may.
    """
    for name, info in model.model_fields.items():
        path, annotation = (*inside, name), info.annotation
        bare = _bare(annotation)
        if isinstance(bare, type) and issubclass(bare, BaseModel):
            yield from fields_of(bare, path, left_open=left_open or info.default is None)
            continue
        is_tuple = get_origin(bare) is tuple
        kind = _bare(get_args(bare)[0]) if is_tuple else bare
        default = None if info.default is PydanticUndefined or left_open else info.default
        limits = _limits((*info.metadata, *_metadata(annotation)))
        yield SettingField(
            path=path,
            kind=kind,
            help=info.description or "",
            default=default,
            is_required=info.is_required() and not left_open,
            may_be_left=left_open or default is None or (is_tuple and default == ()),
            group_may_be_left=left_open,
            is_tuple=is_tuple,
            choices=tuple(map(str, get_args(kind))) if get_origin(kind) is Literal else (),
            can_be_none=_allows_none(annotation) and (left_open or default is not None),
            **limits,
        )


def _bare(annotation: Any) -> Any:
    """The type without Annotated and None."""
    if get_origin(annotation) is Annotated:
        return _bare(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        some = [each for each in get_args(annotation) if each is not type(None)]
        return _bare(some[0]) if len(some) == 1 else annotation
    return annotation


def _allows_none(annotation: Any) -> bool:
    if get_origin(annotation) is Annotated:
        return _allows_none(get_args(annotation)[0])
    is_union = get_origin(annotation) in (Union, types.UnionType)
    return is_union and type(None) in get_args(annotation)


def _metadata(annotation: Any) -> tuple[Any, ...]:
    """What is said of a type inside ``| None``."""
    if get_origin(annotation) is Annotated:
        return tuple(
            part for each in get_args(annotation)[1:] for part in getattr(each, "metadata", [each])
        )
    if get_origin(annotation) in (Union, types.UnionType):
        return tuple(part for each in get_args(annotation) for part in _metadata(each))
    return ()


def _limits(metadata: tuple[Any, ...]) -> dict[str, float]:
    found = {}
    for each in metadata:
        if isinstance(each, annotated_types.Ge | annotated_types.Gt):
            found["low"] = getattr(each, "ge", getattr(each, "gt", None))
        elif isinstance(each, annotated_types.Le | annotated_types.Lt):
            found["high"] = getattr(each, "le", getattr(each, "lt", None))
        elif isinstance(each, annotated_types.MultipleOf):
            found["step"] = each.multiple_of
    return {name: value for name, value in found.items() if isinstance(value, int | float)}


def put(values: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    """Put a value into nested mappings, making those that are missing."""
    for name in path[:-1]:
        values = values.setdefault(name, {})
    values[path[-1]] = value


def look_up(values: Mapping[str, Any], path: tuple[str, ...], missing: Any = None) -> Any:
    """The value of nested mappings that a path leads to; `missing` where it ends early."""
    found: Any = values
    for name in path:
        if not isinstance(found, Mapping) or name not in found:
            return missing
        found = found[name]
    return found
