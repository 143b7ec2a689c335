"""Features of GenICam cameras: each is set exactly, or refused with what the camera takes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from napari_sdannce.capture.cameras import CameraError, SettingRefusedError

if TYPE_CHECKING:
    from collections.abc import Sequence

Value = bool | int | float | str
_SWITCH = {True: "On", False: "Off"}


class Kind(StrEnum):
    """What a feature holds."""

    WHOLE = "a whole number"
    NUMBER = "a number"
    FLAG = "true or false"
    WORD = "a word"
    TEXT = "a text"
    COMMAND = "true, which does it"


@dataclass(frozen=True, slots=True)
class Limits:
    """Which numbers a feature takes now.

    Parameters
    ----------
    low, high
        The smallest and the largest.
    step
        Between neighbours; None when any in between will do.
    unit
        In the words of the camera.
    """

    low: float
    high: float
    step: float | None = None
    unit: str = ""

    def __str__(self) -> str:
        text = f"{_number(self.low)} to {_number(self.high)}"
        if self.unit:
            text += f" {self.unit}"
        return text if self.step is None else f"{text} in steps of {_number(self.step)}"

    @classmethod
    def of_whole(cls, low: int, high: int, step: int, unit: str = "") -> Limits:
        """Limits of a whole number, whose steps of 1 need no words."""
        return cls(float(low), float(high), float(step) if step > 1 else None, unit)


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How far from what was wanted a camera may end up, because it stores numbers in steps.

    Parameters
    ----------
    share
        Of what was wanted.
    absolute
        In the unit of the feature. The larger of both holds.
    """

    share: float = 0.0
    absolute: float = 0.0

    def allows(self, got: float, wanted: float) -> bool:
        """Whether one may stand for the other."""
        return abs(got - wanted) <= max(self.share * abs(wanted), self.absolute)


USUAL = Tolerance(share=1e-3, absolute=1e-9)
"""Of fractions that a camera stores in a register."""


class Feature(Protocol):
    """One feature of a camera. Methods raise `CameraError` in the words of the SDK."""

    @property
    def name(self) -> str:
        """As GenICam spells it."""
        ...

    @property
    def kind(self) -> Kind:
        """What it holds."""
        ...

    @property
    def is_writable(self) -> bool:
        """Whether it can be changed now."""
        ...

    def read(self) -> Value:
        """Its value."""
        ...

    def write(self, value: Value) -> None:
        """Change it, or carry out a command."""
        ...

    def limits(self) -> Limits:
        """Which numbers it takes now."""
        ...

    def words(self) -> Sequence[str]:
        """Which words it takes."""
        ...


class Features(Protocol):
    """All features of a camera."""

    @property
    def camera(self) -> str:
        """Name of the camera in messages."""
        ...

    def find(self, name: str) -> Feature | None:
        """One of them; None when the camera has none of this name, or not as it is set now."""
        ...


def first_of(features: Features, names: Sequence[str]) -> Feature | None:
    """The first that the camera has: some have changed their names over the years."""
    return next((found for name in names if (found := features.find(name)) is not None), None)


def set_exactly(
    features: Features,
    setting: str,
    names: Sequence[str],
    value: Value,
    tolerance: Tolerance = USUAL,
) -> None:
    """Set the first of `names` that the camera has.

    Parameters
    ----------
    setting
        What a person calls it.
    tolerance
        For fractions.

    Raises
    ------
    SettingRefusedError
        When it has none, does not take the value, or makes another one of it.
    """
    where = f"{features.camera}: {setting} {value}"
    feature = first_of(features, names)
    if feature is None:
        raise SettingRefusedError(f"{where}: this camera has no feature {' or '.join(names)}")
    if feature.name != setting:
        where += f" ({feature.name})"
    wanted = _in_its_words(feature, value)
    _check(where, feature, wanted)
    if not feature.is_writable:
        _check_as_it_is(where, feature, wanted)
        return
    try:
        feature.write(wanted)
        got = wanted if feature.kind is Kind.COMMAND else feature.read()
    except CameraError as error:
        raise SettingRefusedError(f"{where}: {error}; it takes {_takes(feature)}") from error
    if not _is_same(got, wanted, tolerance):
        raise SettingRefusedError(
            f"{where}: the camera makes {_number(got)} of it; it takes {_takes(feature)}"
        )


def set_if_there(features: Features, names: Sequence[str], value: Value) -> None:
    """Set what some cameras have, for instance to switch an automatic off; others need it not."""
    feature = first_of(features, names)
    if feature is None or not feature.is_writable:
        return
    if feature.kind is Kind.WORD and value not in feature.words():
        return
    set_exactly(features, feature.name, [feature.name], value)


def read_number(features: Features, names: Sequence[str]) -> float | None:
    """The first of `names` that the camera has; None when it has none."""
    feature = first_of(features, names)
    return None if feature is None else float(feature.read())


def _in_its_words(feature: Feature, value: Value) -> Value:
    """The value as the feature spells it: YAML reads Off as false, 3.0 may be meant as 3."""
    if feature.kind is Kind.WORD and isinstance(value, bool) and _SWITCH[value] in feature.words():
        return _SWITCH[value]
    if feature.kind is Kind.WHOLE and isinstance(value, float) and value.is_integer():
        return int(value)
    return value


_TYPES: dict[Kind, type | tuple[type, ...]] = {
    Kind.WHOLE: int,
    Kind.NUMBER: (int, float),
    Kind.FLAG: bool,
    Kind.WORD: str,
    Kind.TEXT: str,
    Kind.COMMAND: bool,
}


def _check(where: str, feature: Feature, value: Value) -> None:
    """Raise when the value is no value of this feature."""
    kind = feature.kind
    is_number = kind in (Kind.WHOLE, Kind.NUMBER)
    fits = isinstance(value, _TYPES[kind]) and not (is_number and isinstance(value, bool))
    if fits and is_number:
        fits = _lies_within(feature.limits(), float(value))
    elif fits and kind is Kind.WORD:
        fits = value in feature.words()
    elif kind is Kind.COMMAND:
        fits = value is True
    if not fits:
        raise SettingRefusedError(f"{where}: it takes {_takes(feature, value)}")


def _lies_within(limits: Limits, value: float) -> bool:
    if not limits.low <= value <= limits.high:
        return False
    if limits.step is None or not float(value).is_integer() or not float(limits.step).is_integer():
        return True  # steps of fractions are told by what the camera makes of it
    return (value - limits.low) % limits.step == 0


def _check_as_it_is(where: str, feature: Feature, value: Value) -> None:
    """Raise when a feature that can not be changed is not as wanted already."""
    if feature.kind is Kind.COMMAND:
        raise SettingRefusedError(f"{where}: this can not be done now")
    got = feature.read()
    if not _is_same(got, value, USUAL):
        raise SettingRefusedError(f"{where}: it is {_number(got)} and can not be changed now")


def _is_same(got: Value, wanted: Value, tolerance: Tolerance) -> bool:
    if isinstance(got, float) and not isinstance(wanted, str):
        return tolerance.allows(got, float(wanted))
    return got == wanted


def _takes(feature: Feature, value: Value | None = None) -> str:
    if feature.kind is Kind.WORD:
        return ", ".join(feature.words())
    if feature.kind not in (Kind.WHOLE, Kind.NUMBER):
        return str(feature.kind)
    limits = feature.limits()
    near = "" if value is None or isinstance(value, str) else _neighbours(limits, float(value))
    return f"{limits}{near}"


def _neighbours(limits: Limits, value: float) -> str:
    """The two steps round a value that lies between them."""
    if limits.step is None or limits.step <= 1 or not limits.low < value < limits.high:
        return ""
    below = limits.low + math.floor((value - limits.low) / limits.step) * limits.step
    return f": {_number(below)} or {_number(min(below + limits.step, limits.high))}, say"


def _number(value: Value) -> str:
    if not isinstance(value, float):
        return str(value)
    return str(int(value)) if value.is_integer() else f"{value:.6g}"


def first_line(error: Exception) -> str:
    """What an error of GenICam or GenTL says, without the place in its source."""
    text = str(error).split(" : ")[0].strip().splitlines()[0]
    text = text.removeprefix("GenTL exception: ").replace(" (Message from the source: )", "")
    return text.rstrip(".")
