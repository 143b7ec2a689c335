"""Options of the command line, made from the settings classes so that the two can not differ."""

from __future__ import annotations

import types
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

import click
from pydantic import BaseModel, ValidationError
from pydantic_core import PydanticUndefined

from napari_sdannce.settings.losses import LossSettings

Model = TypeVar("Model", bound=BaseModel)
OPTIONS = "options"
"""Where settings come from that no file holds."""


@dataclass(frozen=True)
class Option:
    """One setting as an option.

    Parameters
    ----------
    path
        Names of the fields that lead to it, outermost first.
    help
        What it is, with its default.
    choices
        The values there are, when they are few.
    is_flag
        Yes or no.
    n_values
        How many values follow the option; -1: it may be given several times, one value each.
    metavar
        What a value looks like.
    """

    path: tuple[str, ...]
    help: str
    choices: tuple[str, ...] = ()
    is_flag: bool = False
    n_values: int = 1
    metavar: str = "TEXT"

    @property
    def name(self) -> str:
        """As on the command line, without dashes in front."""
        return "-".join(self.path).replace("_", "-")


def options_of(
    model: type[BaseModel],
    *,
    without: tuple[str, ...] = (),
    inside: tuple[str, ...] = (),
    with_defaults: bool = True,
) -> Iterator[Option]:
    """Options for all fields of a settings class; fields of nested classes carry its name in front.

    Parameters
    ----------
    model
        The class.
    without
        Fields to leave out.
    inside
        Names of the fields that lead to the class.
    with_defaults
        Say what holds when an option is not given.
    """
    for name, info in model.model_fields.items():
        if name in without:
            continue
        path, kind = (*inside, name), _bare(info.annotation)
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            # settings that may be left out as a whole are then as in training
            yield from options_of(kind, inside=path, with_defaults=info.default is not None)
            continue
        text, n_values = info.description or "", _n_values(kind)
        if n_values < 0:
            text += "; may be given several times"
        if with_defaults and info.default not in (None, (), "", PydanticUndefined):
            text += f" [{_plain(info.default)}]"
        yield Option(path, text, _choices(kind), kind is bool, n_values, _metavar(kind))


def merged(base: Mapping[str, Any], given: Mapping[tuple[str, ...], Any]) -> dict[str, Any]:
    """Values of a YAML file with those of options put over them; options always win."""
    result = dict(base)
    for path, value in given.items():
        place = result
        for name in path[:-1]:
            inner = place.get(name)
            place[name] = dict(inner) if isinstance(inner, Mapping) else {}
            place = place[name]
        place[path[-1]] = value
    return result


def validated(model: type[Model], values: Mapping[str, Any], source: str) -> Model:
    """Build settings.

    Raises
    ------
    ValueError
        Names the first setting that is wrong, what was given and where it came from.
    """
    try:
        return model.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(map(str, first["loc"])) or "settings"
        place = _as_option(first["loc"]) if source == OPTIONS else f"{source}: '{name}'"
        if first["type"] == "missing":
            raise ValueError(f"{place} must be given") from error
        if first["type"] == "extra_forbidden":
            known = ", ".join(model.model_fields)
            raise ValueError(f"{source}: no setting '{name}'; there are {known}") from error
        if first["type"] == "union_tag_invalid":
            tag, known = first["ctx"]["tag"], first["ctx"]["expected_tags"].replace("'", "")
            raise ValueError(f"{place}: no '{tag}'; there are {known}") from error
        if first["type"] == "too_short":
            raise ValueError(
                f"{place}: names nothing; name one at least, or leave it out"
            ) from error
        message = first["msg"].removeprefix("Value error, ")
        # settings that contradict one another are named in the message
        got = f", got {first['input']!r}" if first["loc"] else ""
        raise ValueError(f"{place}: {message}{got}") from error


def _as_option(place: tuple[int | str, ...]) -> str:
    """A setting as a person gave it: as an option, and where in its value it is."""
    names = place[2:] if place[:1] == ("experiments",) else place
    end = next((i for i, each in enumerate(names) if isinstance(each, int)), len(names))
    if not end:
        return OPTIONS
    inside = ".".join(map(str, names[end + 1 :]))
    option = Option(tuple(map(str, names[:end])), "")
    return f"--{option.name}" + (f": '{inside}'" if inside else "")


def _bare(annotation: Any) -> Any:
    """The type without Annotated and Optional."""
    if get_origin(annotation) is Annotated:
        return _bare(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        some = [each for each in get_args(annotation) if each is not type(None)]
        return _bare(some[0])
    return annotation


def _choices(kind: Any) -> tuple[str, ...]:
    return tuple(map(str, get_args(kind))) if get_origin(kind) is Literal else ()


def _n_values(kind: Any) -> int:
    if get_origin(kind) is not tuple:
        return 1
    inner = get_args(kind)
    return -1 if inner[-1] is Ellipsis else len(inner)


def _metavar(kind: Any) -> str:
    if get_origin(kind) is tuple:
        return _metavar(get_args(kind)[0])
    return {int: "WHOLE", float: "NUMBER", Path: "PATH"}.get(kind, "TEXT")


def _plain(value: Any) -> str:
    if isinstance(value, tuple):
        return " ".join(map(_plain, value))
    if isinstance(value, LossSettings):
        # as it is written on the command line
        return f"{getattr(value, 'name', '')}:{value.weight:g}"
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def add_options(options: Iterator[Option]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Add options to a command; those not given are absent from what `given_options` returns."""

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        for option in reversed(list(options)):
            command = _click_option(option)(command)
        return command

    return decorate


def _click_option(option: Option) -> Callable[[Callable[..., None]], Callable[..., None]]:
    more: dict[str, Any] = {}
    name = f"--{option.name}"
    if option.is_flag:
        name = f"--{option.name}/--no-{option.name}"
    elif option.choices:
        more["type"] = click.Choice(option.choices)
    elif option.n_values > 1:
        more |= {"nargs": option.n_values, "metavar": " ".join([option.metavar] * option.n_values)}
    elif option.n_values < 0:
        more |= {"multiple": True, "metavar": option.metavar}
    else:
        more["metavar"] = option.metavar
    return click.option(
        name, "__".join(option.path), default=None, help=option.help, show_default=False, **more
    )


def given_options(values: Mapping[str, Any]) -> dict[tuple[str, ...], Any]:
    """Options that were given, by the path of their setting."""
    return {
        tuple(name.split("__")): value for name, value in values.items() if value not in (None, ())
    }
