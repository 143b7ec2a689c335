"""Which still images of different cameras were taken at one moment."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from napari_sdannce.calibration.errors import CalibrationError
from napari_sdannce.files.errors import FileFormatError
from napari_sdannce.files.video_folders import natural_key

from .still_images import check_whole, image_size

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from .still_images import Size

    Stills = Mapping[str, Sequence[Path]]

_MOST_NAMED = 5


def readable(camera: str, files: Sequence[Path]) -> tuple[list[Path], list[str]]:
    """Images of a camera by their headers, and what is wrong with the others.

    Raises
    ------
    CalibrationError
        When they differ in size.
    """
    sizes: dict[Size, list[str]] = {}
    good, told = [], []
    for file in files:
        try:
            size = image_size(file)
            check_whole(file)
        except FileFormatError as error:
            told.append(f"not used: {error.path}: {error.found}")
            continue
        good.append(file)
        sizes.setdefault(size, []).append(file.name)
    if len(sizes) > 1:
        each = "; ".join(f"{w} x {h} px: {_some(names)}" for (w, h), names in sizes.items())
        raise CalibrationError(
            f"{files[0].parent}: images of camera '{camera}' differ in size ({each}); cameras are "
            "calibrated at one size"
        )
    return good, told


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return ", ".join(names[:_MOST_NAMED]) + more


def match_stills(
    folder: Path, stills: Stills, *, in_time: bool
) -> tuple[list[tuple[Path | None, ...]], list[str]]:
    """Match images of cameras: by equal names, else by order, else by the numbers in their names.

    Parameters
    ----------
    folder
        Where they lie, for errors.
    stills
        Files of each camera, in natural order.
    in_time
        Whether they are to be matched at all.

    Returns
    -------
    Files of each moment, None where a camera has none, and what is to be told.

    Raises
    ------
    CalibrationError
        When counts differ, and no names tell which belong together.
    """
    counts = {name: len(files) for name, files in stills.items()}
    if not in_time:
        return _by_order(stills), ["each camera is taken by itself"]
    named = _by_key(stills, lambda file: file.stem)
    if named is not None:
        return named, ["images of equal name belong to one moment"]
    numbered = _by_key(stills, _number)
    if len(set(counts.values())) == 1 and (numbered is None or not _lack_some(stills)):
        told = "images belong to one moment in the order of their names"
        return _by_order(stills), [told, *_unlike_numbers(stills)]
    each = ", ".join(f"{name}: {count}" for name, count in counts.items())
    if numbered is None:
        raise CalibrationError(
            f"{folder}: cameras have different numbers of images ({each}) under different names, "
            "so that nothing tells which belong together; give those of one moment one name, or "
            "one number at its end"
        )
    told = f"cameras lack different images ({each})"
    return numbered, [f"images whose names end with one number belong to one moment: {told}"]


def _by_order(stills: Stills) -> list[tuple[Path | None, ...]]:
    longest = max(map(len, stills.values()))
    return [
        tuple(files[i] if i < len(files) else None for files in stills.values())
        for i in range(longest)
    ]


def _by_key(
    stills: Stills, key_of: Callable[[Path], str | None]
) -> list[tuple[Path | None, ...]] | None:
    """Files of equal key; None where most keys of a camera are no other's, or not its own."""
    keyed = []
    for files in stills.values():
        own = {key: file for file in files if (key := key_of(file)) is not None}
        if len(own) < len(files):
            return None
        keyed.append(own)
    count = Counter(key for own in keyed for key in own)
    if len(keyed) > 1 and any(sum(count[key] > 1 for key in own) <= len(own) / 2 for own in keyed):
        return None
    return [tuple(own.get(key) for own in keyed) for key in sorted(count, key=natural_key)]


def _number(file: Path) -> str | None:
    found = re.search(r"(\d{1,18})\D*$", file.stem)
    return str(int(found[1])) if found else None


def _lack_some(stills: Stills) -> bool:
    """Whether numbers that other cameras have are missing between those of a camera."""
    numbers = [{int(_number(file) or 0) for file in files} for files in stills.values()]
    everything = set().union(*numbers)
    return any(any(min(own) < number < max(own) for number in everything - own) for own in numbers)


def _unlike_numbers(stills: Stills) -> list[str]:
    """Tell when equal counts hide that cameras lack different images."""
    numbers = {name: [_number(file) for file in files] for name, files in stills.items()}
    if any(None in each or len(set(each)) < len(each) for each in numbers.values()):
        return []
    (first, own), *others = numbers.items()
    # numbers that begin elsewhere are just counted differently
    unlike = [name for name, each in others if set(each) != set(own) and set(each) & set(own)]
    if not unlike:
        return []
    return [
        f"numbers in the names of {', '.join(unlike)} differ from those of {first}: an image may "
        "be missing, and others matched wrongly"
    ]
