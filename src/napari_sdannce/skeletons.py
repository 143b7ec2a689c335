"""Skeletons: named keypoints, bones, colours and left/right pairs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

if TYPE_CHECKING:
    from collections.abc import Sequence

RGBA = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Skeleton:
    """Keypoints of an animal and the bones between them.

    Parameters
    ----------
    name
        Name of the profile, e.g. ``rat23``.
    keypoints
        Names, in the order of every array that holds keypoints.
    edges
        Bones as pairs of 0-based keypoint indices. The order matters: limb priors and graph
        networks follow it. An edge from a keypoint to itself exists in some files, only to carry
        a colour; `bones` leaves it out.
    colors
        One RGBA colour (0..1) an edge.
    pairs
        (left, right) keypoint indices that swap in a mirror.

    Raises
    ------
    ValueError
        When names repeat, or an edge, colour or pair does not fit the keypoints.
    """

    name: str
    keypoints: tuple[str, ...]
    edges: tuple[tuple[int, int], ...] = ()
    colors: tuple[RGBA, ...] = ()
    pairs: tuple[tuple[int, int], ...] = ()

    def __post_init__(self) -> None:
        if not self.keypoints:
            raise ValueError(f"skeleton '{self.name}' has no keypoints")
        twice = sorted({k for k in self.keypoints if self.keypoints.count(k) > 1})
        if twice:
            raise ValueError(f"skeleton '{self.name}': keypoint names repeat: {twice}")
        n = len(self.keypoints)
        for what, index_pairs in (("edge", self.edges), ("pair", self.pairs)):
            for a, b in index_pairs:
                if not (0 <= a < n and 0 <= b < n):
                    raise ValueError(
                        f"skeleton '{self.name}': {what} ({a}, {b}) points outside its {n} "
                        "keypoints"
                    )
        if self.colors and len(self.colors) != len(self.edges):
            raise ValueError(
                f"skeleton '{self.name}': {len(self.colors)} colours for {len(self.edges)} edges"
            )

    @property
    def bones(self) -> tuple[tuple[int, int], ...]:
        """Edges between two different keypoints."""
        return tuple((a, b) for a, b in self.edges if a != b)

    @property
    def bone_colors(self) -> tuple[RGBA, ...]:
        """One colour a bone; grey when the skeleton has no colours."""
        if not self.colors:
            return tuple((0.7, 0.7, 0.7, 1.0) for _ in self.bones)
        return tuple(color for (a, b), color in zip(self.edges, self.colors, strict=True) if a != b)

    @property
    def keypoint_colors(self) -> tuple[RGBA, ...]:
        """One opaque colour a keypoint: that of the last bone reaching it."""
        colors: list[RGBA] = [(0.7, 0.7, 0.7, 1.0)] * len(self.keypoints)
        for (a, b), color in zip(self.bones, self.bone_colors, strict=True):
            colors[a] = colors[b] = (*color[:3], 1.0)
        return tuple(colors)

    def swapped(self) -> tuple[int, ...]:
        """Order of keypoints after exchanging left and right."""
        order = list(range(len(self.keypoints)))
        for left, right in self.pairs:
            order[left], order[right] = right, left
        return tuple(order)

    def index(self, keypoint: str) -> int:
        """Index of a keypoint by its name.

        Raises
        ------
        ValueError
            When there is none of that name.
        """
        try:
            return self.keypoints.index(keypoint)
        except ValueError:
            raise ValueError(
                f"skeleton '{self.name}' has no keypoint '{keypoint}'; it has "
                f"{', '.join(self.keypoints)}"
            ) from None

    def with_pairs(self, texts: Sequence[str]) -> Skeleton:
        """Return the same skeleton with other left/right pairs; of no texts, with its own.

        Parameters
        ----------
        texts
            Each ``LEFT:RIGHT``, names or indices of keypoints.

        Raises
        ------
        ValueError
            When a text is not of two keypoints.
        """
        pairs = tuple(self._pair(text) for text in texts)
        return replace(self, pairs=pairs or self.pairs)

    def _pair(self, text: str) -> tuple[int, int]:
        names = [name.strip() for name in text.split(":")]
        if len(names) != 2:
            raise ValueError(f"mirror_pairs: expected LEFT:RIGHT, got '{text}'")
        left, right = (
            self.index(name) if name in self.keypoints or not name.isdecimal() else int(name)
            for name in names
        )
        return left, right

    def renamed(self, name: str) -> Skeleton:
        """Return the same skeleton under another name."""
        return replace(self, name=name)


def pairs_by_name(keypoints: tuple[str, ...]) -> tuple[tuple[int, int], ...]:
    """Guess left/right pairs from names.

    ``EarL``/``EarR``, ``left_ear``/``right_ear``, ``ShoulderL2``... : two names pair when
    exchanging one left mark for the right mark gives the other.
    """
    place = {name: i for i, name in enumerate(keypoints)}
    found = []
    for name, left in place.items():
        for candidate in _mirrored_names(name):
            if candidate in place and place[candidate] != left:
                found.append((left, place[candidate]))
                break
    return tuple(found)


def _mirrored_names(name: str) -> list[str]:
    """Names a left keypoint's right twin could have."""
    candidates = [
        name.replace(left, right, 1)
        for left, right in (("left", "right"), ("Left", "Right"), ("LEFT", "RIGHT"))
        if left in name
    ]
    candidates += [
        name[:i] + "R" + name[i + 1 :]
        for i, letter in enumerate(name)
        if letter == "L" and _stands_apart(name, i)
    ]
    return candidates


def _stands_apart(name: str, i: int) -> bool:
    """Whether the capital at `i` is a mark and not the start of a word such as ``Leg``."""
    return i + 1 == len(name) or not name[i + 1].islower()


def builtin_skeletons() -> tuple[str, ...]:
    """Names of the skeletons that come with the program."""
    folder = _builtin_folder()
    return tuple(sorted(path.stem for path in folder.glob("*.yaml")))


def load_skeleton(name_or_path: str | Path) -> Skeleton:
    """Load a built-in skeleton by name, or any skeleton from a ``.yaml`` file.

    ``rat23``, ``rat23.mat`` and ``skeletons/rat23.mat`` all name the built-in when no such file
    exists. A ``.mat`` file that exists is read by `napari_sdannce.files.open_skeleton`.

    Raises
    ------
    FileNotFoundError
        When neither a file nor a built-in of that name exists.
    ValueError
        When the file is not a skeleton.
    """
    path = Path(name_or_path)
    if path.suffix in (".yaml", ".yml") and path.is_file():
        return read_skeleton_yaml(path)
    stem = path.stem if path.suffix in (".mat", ".yaml", ".yml") else path.name
    builtin = _builtin_folder() / f"{stem}.yaml"
    if not builtin.is_file():
        raise FileNotFoundError(
            f"no skeleton '{name_or_path}': neither a file nor one of the built-in skeletons "
            f"({', '.join(builtin_skeletons())})"
        )
    return _read_builtin(builtin)


@cache
def _read_builtin(path: Path) -> Skeleton:
    """The program's own files stay as they are; every label file is compared with them all."""
    return read_skeleton_yaml(path)


def read_skeleton_yaml(path: Path) -> Skeleton:
    """Read a skeleton from a ``.yaml`` file.

    Raises
    ------
    FileNotFoundError
        When there is no such file.
    ValueError
        When it is not a skeleton.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, ValueError, OverflowError, RecursionError) as error:
        raise ValueError(f"{path} is not a YAML file: {error}") from error
    try:
        return _from_mapping(content, path.stem)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path} is not a skeleton: {error}") from error


def _from_mapping(content: object, default_name: str) -> Skeleton:
    if not isinstance(content, dict) or "keypoints" not in content:
        raise ValueError("expected a mapping with at least 'keypoints'")
    unknown = sorted(set(content) - {"name", "keypoints", "edges", "colors", "pairs"})
    if unknown:
        raise ValueError(f"unknown entries {unknown}")
    keypoints = tuple(_name(name) for name in content["keypoints"])
    place = {name: i for i, name in enumerate(keypoints)}

    def index_pairs(key: str) -> tuple[tuple[int, int], ...]:
        pairs = []
        for a, b in content.get(key) or ():
            ends = (_name(a), _name(b))
            for end in ends:
                if end not in place:
                    raise ValueError(f"{key}: '{end}' is not a keypoint")
            pairs.append((place[ends[0]], place[ends[1]]))
        return tuple(pairs)

    return Skeleton(
        name=_name(content.get("name", default_name)),
        keypoints=keypoints,
        edges=index_pairs("edges"),
        colors=tuple(_rgba(color) for color in content.get("colors") or ()),
        pairs=index_pairs("pairs"),
    )


def _name(value: object) -> str:
    """Name of something: text, or a number or word that YAML took for something else."""
    if isinstance(value, str | int | float):
        return str(value)
    raise ValueError(f"a name must be text, got a {type(value).__name__}")


def _rgba(color: object) -> RGBA:
    if not isinstance(color, list | tuple) or len(color) not in (3, 4):
        raise ValueError(f"a colour must be three or four numbers in 0..1, got {color!r}")
    values = [float(value) for value in color]
    if not all(0 <= value <= 1 for value in values):
        raise ValueError(f"a colour must be three or four numbers in 0..1, got {color!r}")
    red, green, blue, alpha = [*values, 1.0][:4]
    return (red, green, blue, alpha)


def write_skeleton_yaml(skeleton: Skeleton, path: Path, *, overwrite: bool = False) -> None:
    """Write a skeleton as ``.yaml``, one keypoint, edge and colour a line.

    Raises
    ------
    FileExistsError
        When the file exists and may not be overwritten.
    """
    if path.exists() and not overwrite:
        raise FileExistsError(f"{path} exists and is not replaced; choose another name")
    names = skeleton.keypoints
    content = {
        "name": skeleton.name,
        "keypoints": list(names),
        "edges": [[names[a], names[b]] for a, b in skeleton.edges],
        "colors": [list(color) for color in skeleton.colors],
        "pairs": [[names[a], names[b]] for a, b in skeleton.pairs],
    }
    text = "".join(
        f"{key}:\n" + "".join(f"  - {_one_line(item)}\n" for item in value)
        if isinstance(value, list)
        else f"{key}: {_one_line(value)}\n"
        for key, value in content.items()
        if value
    )
    path.write_text(text, encoding="utf-8")


def _one_line(value: object) -> str:
    dumped: str = yaml.safe_dump(value, default_flow_style=True, width=10_000, allow_unicode=True)
    return dumped.removesuffix("\n...\n").rstrip("\n")


def _builtin_folder() -> Path:
    return Path(str(files("napari_sdannce"))) / "skeletons"
