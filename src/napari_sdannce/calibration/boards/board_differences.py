"""How a board differs from what was said of it, in sentences."""

from __future__ import annotations

from .board_file import describe
from .board_kinds import CharucoBoard, Checkerboard

Board = CharucoBoard | Checkerboard


def differences(stated: Board, found: Board) -> list[str]:
    """What is to be changed in the description of a board, in sentences."""
    if type(stated) is not type(found):
        return [f"it is {describe(found)}, not {describe(stated)}"]
    if isinstance(found, Checkerboard) and isinstance(stated, Checkerboard):
        size, said = ((b.corners_across, b.corners_down) for b in (found, stated))
        if sorted(size) == sorted(said):
            return []
        squares = " (squares were counted, not the corners between them)" if (
            sorted(size) == sorted(n - 1 for n in said)
        ) else ""  # fmt: skip
        return [f"it has {size[0]} x {size[1]} inner corners{squares}: 'corners_across = {size[0]}'"
                f" and 'corners_down = {size[1]}'"]  # fmt: skip
    assert isinstance(found, CharucoBoard)
    assert isinstance(stated, CharucoBoard)
    return [*_counts_differ(stated, found), *_looks_differ(stated, found)]


def _counts_differ(stated: CharucoBoard, found: CharucoBoard) -> list[str]:
    size, said = ((b.squares_across, b.squares_down) for b in (found, stated))
    if size == said:
        return []
    change = f"'squares_across = {size[0]}' and 'squares_down = {size[1]}'"
    if size == said[::-1]:
        return [f"its rows and columns are exchanged: {change}"]
    return [f"it has {size[0]} x {size[1]} squares: {change}"]


def _looks_differ(stated: CharucoBoard, found: CharucoBoard) -> list[str]:
    told = []
    if stated.dictionary != found.dictionary:
        told.append(f"its markers are of another dictionary: 'dictionary = \"{found.dictionary}\"'")
    sentences = {
        "inverted": ("it is printed white on black", "it is not printed white on black"),
        "mirrored": ("it is seen mirrored, as through glass", "it is not seen mirrored"),
        "legacy": ("it has the pattern of OpenCV before 4.6", "it has not the old pattern"),
    }
    for key, (is_so, is_not) in sentences.items():
        now = getattr(found, key)
        if now != getattr(stated, key):
            told.append(f"{is_so if now else is_not}: '{key} = {str(now).lower()}'")
    return told
