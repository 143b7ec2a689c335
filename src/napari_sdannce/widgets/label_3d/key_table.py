"""The keys of the labelling panel: one table, which a person may change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import yaml
from platformdirs import user_config_path
from pydantic import TypeAdapter, ValidationError

from napari_sdannce.files.writing import atomic_path

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class KeyAction:
    """Something that a key does.

    Parameters
    ----------
    name
        Of the action, as in a file of keys.
    title
        What it does, in words.
    keys
        As Qt writes them (``Ctrl+Shift+Z``).
    """

    name: str
    title: str
    keys: tuple[str, ...]


ACTIONS = (
    KeyAction("place", "Place the keypoint under the mouse, and go to the next", ("W",)),
    KeyAction("next_keypoint", "Next keypoint", ("E", "Tab")),
    KeyAction("previous_keypoint", "Previous keypoint", ("Q", "Shift+Tab")),
    KeyAction("missing_keypoint", "First keypoint without a position", ("R",)),
    KeyAction("accept_frame", "Accept all positions of the frame", ("T", "L")),
    KeyAction("accept_keypoint", "Accept the keypoint's position", ("K",)),
    KeyAction("accept_animal", "Accept the animal's positions", ("Shift+K",)),
    KeyAction("lock", "Let this view's click count whatever others say", ("F",)),
    KeyAction("clear_here", "Clear the keypoint in this view", ("X", "Backspace", "Del")),
    KeyAction("clear_everywhere", "Clear the keypoint in all views", ("Shift+X",)),
    KeyAction("occluded", "Hidden in this view, or not", ("I",)),
    KeyAction("not_in_view", "Outside of this view, or not", ("Shift+I",)),
    KeyAction("uncertain", "A guess in this view, or not", ("U",)),
    KeyAction("clear_frame", "Clear the whole frame", ("Shift+U",)),
    KeyAction("swap_left_right", "Swap left and right in this view", ("S",)),
    KeyAction("swap_animals", "Swap two animals in this view", ("Shift+S",)),
    KeyAction("pose_before", "Propose the pose of the last labelled frame", ("D",)),
    KeyAction("depth", "Guess depth from bone length; again: the other place", ("Shift+D",)),
    KeyAction("copy", "Copy the pose", ("Ctrl+C",)),
    KeyAction("paste", "Paste the pose", ("Ctrl+V",)),
    KeyAction("undo", "Undo", ("Ctrl+Z",)),
    KeyAction("redo", "Redo", ("Ctrl+Shift+Z", "Ctrl+Y")),
    KeyAction("save", "Save a snapshot (every step is on the disk already)", ("Ctrl+S",)),
    KeyAction("export", "Export label files", ("Ctrl+E",)),
    KeyAction("merge", "Bring in labels of others", ("Ctrl+M",)),
    KeyAction("forward", "Next frame", ("Right", ".")),
    KeyAction("back", "Previous frame", ("Left", ",")),
    KeyAction("forward_far", "As many frames on as 'step' says", ("]", "PgDown")),
    KeyAction("back_far", "As many frames back", ("[", "PgUp")),
    KeyAction("suggest", "Suggest frames to label", ("Ctrl+N",)),
    KeyAction("propose", "Propose the predictions of the frame", ("P",)),
    KeyAction("next_suggestion", "Next suggested frame", ("N",)),
    KeyAction("previous_suggestion", "Previous suggested frame", ("Shift+N",)),
    KeyAction("next_to_label", "Next frame to label: suggested, or labelled in part", ("J",)),
    KeyAction("previous_to_label", "Previous frame to label", ("Shift+J",)),
    KeyAction("next_labelled", "Next frame with labels", ("Ctrl+Right",)),
    KeyAction("previous_labelled", "Previous frame with labels", ("Ctrl+Left",)),
    KeyAction("go_to", "Go to a frame", ("G",)),
    KeyAction("propagate", "Carry the labels forward", ("Y",)),
    KeyAction("propagate_back", "Carry the labels back", ("Shift+Y",)),
    KeyAction("whole_images", "Show whole images", ("O",)),
    KeyAction("zoom_to_animal", "Zoom all views to the animal", ("C",)),
    KeyAction("follow", "Follow the animal from frame to frame, or not", ("Shift+C",)),
    KeyAction("maximise", "Only this view, or all", ("M",)),
    KeyAction("pose_view", "Show or hide the 3D view", ("B",)),
    KeyAction("hide", "Hide everything drawn, as long as it is held", ("H",)),
    KeyAction("animal_1", "First animal", ("6",)),
    KeyAction("animal_2", "Second animal", ("7",)),
    KeyAction("animal_3", "Third animal", ("8",)),
    KeyAction("animal_4", "Fourth animal", ("9",)),
    KeyAction("animal_5", "Fifth animal", ("0",)),
    KeyAction("keys", "Show this table", ("F1", "?")),
)

LABEL3D = {
    "accept_frame": ("L",),
    "accept_keypoint": ("T", "K"),
    "next_keypoint": ("Tab", "E"),
    "previous_keypoint": ("Shift+Tab", "Q"),
    "missing_keypoint": ("PgUp", "R"),
    "clear_here": ("Backspace", "Del"),
    "clear_everywhere": ("X",),
    "clear_frame": ("U",),
    "uncertain": ("Shift+U",),
    "zoom_to_animal": ("V", "C"),
    "pose_view": ("P", "B"),
    "propose": ("Shift+P",),
    "go_to": ("F", "G"),
    "lock": ("Shift+F",),
    "save": ("Shift+S", "Ctrl+S"),
    "swap_animals": ("Ctrl+Shift+S",),
    "back_far": ("[",),
    "keys": ("H", "F1"),
    "hide": ("Shift+H",),
}
"""Keys of those who come from Label3D, where they differ."""

_FILE = "label_keys.yaml"
_CONTENT = TypeAdapter(dict[str, tuple[str, ...]])


class KeyTable:
    """Which key does what.

    Parameters
    ----------
    keys
        Keys of actions that differ from those by default, by name.

    Raises
    ------
    ValueError
        When an action is unknown, or a key does two things.
    """

    def __init__(self, keys: Mapping[str, tuple[str, ...]] | None = None) -> None:
        names = {action.name for action in ACTIONS}
        unknown = sorted(set(keys or {}) - names)
        if unknown:
            there = ", ".join(sorted(names))
            raise ValueError(f"no actions {', '.join(unknown)}; there are {there}")
        self.actions = tuple(
            KeyAction(each.name, each.title, (keys or {}).get(each.name, each.keys))
            for each in ACTIONS
        )
        self._by_key: dict[str, KeyAction] = {}
        for action in self.actions:
            for key in action.keys:
                other = self._by_key.get(key)
                if other is not None:
                    raise ValueError(f"{key} does two things: '{other.title}', '{action.title}'")
                self._by_key[key] = action

    def action(self, key: str) -> KeyAction | None:
        """What a key does; None when it does nothing."""
        return self._by_key.get(key)

    def changed(self) -> dict[str, tuple[str, ...]]:
        """Keys that differ from those by default."""
        usual = {action.name: action.keys for action in ACTIONS}
        return {each.name: each.keys for each in self.actions if each.keys != usual[each.name]}


def keys_file() -> Path:
    """Where a person's keys are kept."""
    return user_config_path("napari-sdannce") / _FILE


def read_keys(path: Path | None = None) -> KeyTable:
    """Keys of this person; those by default, where none were changed.

    Raises
    ------
    ValueError
        When the file is damaged, or its keys do not fit.
    """
    file = path or keys_file()
    if not file.is_file():
        return KeyTable()
    try:
        return KeyTable(_CONTENT.validate_python(yaml.safe_load(file.read_text("utf-8")) or {}))
    except (yaml.YAMLError, ValidationError, UnicodeDecodeError) as error:
        raise ValueError(f"{file} is no table of keys") from error
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from error


def write_keys(table: KeyTable, path: Path | None = None) -> None:
    """Keep the keys of this person."""
    file = path or keys_file()
    file.parent.mkdir(parents=True, exist_ok=True)
    content = {name: list(keys) for name, keys in table.changed().items()}
    with atomic_path(file, overwrite=True) as draft:
        draft.write_text(yaml.safe_dump(content), encoding="utf-8")
