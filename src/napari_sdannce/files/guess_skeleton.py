"""Which skeleton the keypoints of a file without names belong to."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from napari_sdannce.skeletons import Skeleton, builtin_skeletons, load_skeleton

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST_COM_POINTS = 3
_NOT_ANIMALS = ("box", "com")


def numbered_skeleton(count: int) -> Skeleton:
    """Skeleton of keypoints without names: ``kp1``, ``kp2``, ..."""
    return Skeleton(f"keypoints{count}", tuple(f"kp{i + 1}" for i in range(count)))


@cache
def guess_skeleton(count: int) -> Skeleton:
    """Built-in skeleton with this many keypoints if its names are beyond doubt, else ``kp1`` ..."""
    fitting = [
        skeleton
        for skeleton in map(load_skeleton, builtin_skeletons())
        if len(skeleton.keypoints) == count and skeleton.name not in _NOT_ANIMALS
    ]
    if fitting and all(skeleton.keypoints == fitting[0].keypoints for skeleton in fitting):
        return fitting[0]
    return numbered_skeleton(count)


def animals_and_skeleton(
    count: int, skeleton: Skeleton | None, animals: Sequence[str] | None = None
) -> tuple[tuple[str, ...], Skeleton]:
    """Tell how many animals the `count` keypoints of a file are.

    With a skeleton of K keypoints: ``count / K`` animals, one after the other (a file of COMs has
    one keypoint an animal: skeleton ``com``). Without one, up to three keypoints are the COMs of as
    many animals, as DANNCE's tools take it; more are one animal.

    Raises
    ------
    ValueError
        When the keypoints cannot be shared out among animals or names.
    """
    if count < 1:
        raise ValueError(f"it has {count} keypoints")
    if skeleton is None:
        each = count // len(animals) if animals and count % len(animals) == 0 else 0
        if each == 1 or (not each and count <= MOST_COM_POINTS):
            skeleton = load_skeleton("com")
        else:
            skeleton = guess_skeleton(each or count)
    n_animals, rest = divmod(count, len(skeleton.keypoints))
    if rest:
        raise ValueError(
            f"it has {count} keypoints, no multiple of the {len(skeleton.keypoints)} of "
            f"'{skeleton.name}'"
        )
    names = tuple(animals) if animals else animal_names(n_animals)
    if len(names) != n_animals:
        raise ValueError(f"it holds {n_animals} animals, but there are {len(names)} animal names")
    return names, skeleton


def split_animals(skeleton: Skeleton) -> tuple[int, Skeleton]:
    """Tell apart the animals in a skeleton that repeats one, as Label3D makes it for several.

    There ``name_1 ... name_n`` are the same keypoint of n animals, all keypoints of an animal
    together. Any other skeleton is one animal.
    """
    split = [name.rpartition("_") for name in skeleton.keypoints]
    numbers = [number for _, _, number in split]
    count = len(set(numbers))
    each = len(numbers) // count
    expected = [str(i + 1) for i in range(count) for _ in range(each)]
    bases = tuple(base for base, _, _ in split)
    if count < 2 or numbers != expected or bases != bases[:each] * count:
        return 1, skeleton
    inside = [i for i, edge in enumerate(skeleton.edges) if max(edge) < each]
    return count, Skeleton(
        name=skeleton.name,
        keypoints=bases[:each],
        edges=tuple(skeleton.edges[i] for i in inside),
        colors=tuple(skeleton.colors[i] for i in inside) if skeleton.colors else (),
        pairs=tuple(pair for pair in skeleton.pairs if max(pair) < each),
    )


def animal_names(count: int) -> tuple[str, ...]:
    """Names of animals that have none: ``animal1``, ``animal2``, ..."""
    return tuple(f"animal{i + 1}" for i in range(count))
