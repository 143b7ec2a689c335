"""YAML files of people: plain data, with the line of everything for error messages."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from .errors import FileFormatError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

_MAX_BYTES = 16_000_000
_MOST_SHOWN = 80
_KINDS = {list: "a list", str: "text", int: "a number", float: "a number", bool: "yes or no"}
_PYTHON_WORDS = {"a valid tuple": "a list", "a valid dictionary": "keys with values",
                 "a valid string": "text"}  # fmt: skip


@dataclass(frozen=True, eq=False)
class YamlFile:
    """A mapping in a YAML file.

    Parameters
    ----------
    path
        The file.
    content
        Its keys and values, plain data.
    node
        The same with the places where everything stands.
    """

    path: Path
    content: dict[str, Any]
    node: yaml.Node | None

    def line(self, keys: Sequence[str | int]) -> int | None:
        """Line, from 1, of what the keys lead to, or of the last thing on the way there."""
        node, line = self.node, None
        for key in keys:
            found = _step(node, key)
            if found is None:
                break
            node, line = found
        return line

    def error(self, keys: Sequence[str | int], found: str, expected: str) -> FileFormatError:
        """Error that names the key and its line."""
        line = self.line(keys)
        where = f"line {line}: " if line is not None else ""
        place = f"'{'.'.join(map(str, keys))}' " if keys else ""
        return FileFormatError(self.path, f"{where}{place}{found}", expected)

    def invalid(self, error: ValidationError, expected: str) -> FileFormatError:
        """Error for what pydantic did not like: of several things, that deepest in the file.

        What is there comes before what is missing.
        """
        located = [(self._keys(each["loc"]), each) for each in error.errors()]
        keys, first = max(located, key=lambda each: (len(each[0]), each[1]["type"] != "missing"))
        if first["type"] == "extra_forbidden":
            return self.error(keys, "is not known", expected)
        if first["type"] == "missing":
            return self.error(keys, "is missing", expected)
        told = _in_plain_words(first)
        return self.error(keys, f"is not valid: {told}" if keys else told, expected)

    def _keys(self, location: Sequence[str | int]) -> list[str | int]:
        """Keys of the file in a location of pydantic, which also names branches of unions."""
        node, keys = self.node, list[str | int]()
        for i, key in enumerate(location):
            found = _step(node, key)
            if found is not None:
                node = found[0]
                keys.append(key)
            elif i == 0:  # missing, or given by an option
                node = None
                keys.append(key)
            elif i == len(location) - 1 and isinstance(node, yaml.MappingNode) and keys:
                keys.append(key)  # what is missing
        return keys


def read_yaml(path: Path, expected: str) -> YamlFile:
    """Read a YAML file that holds a mapping with text as keys, each once.

    Raises
    ------
    FileNotFoundError
        When there is no such file.
    FileFormatError
        When it is something else, or uses anchors (``&``, ``*``), which can blow up a small file.
    """
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise FileFormatError(path, f"it has more than {_MAX_BYTES} bytes", expected)
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise FileNotFoundError(f"{path} does not exist; expected {expected}") from None
    except (OSError, ValueError) as error:
        raise FileFormatError(path, f"not readable as YAML: {error}", expected) from error
    return parse_yaml(path, text, expected)


def parse_yaml(
    path: Path, text: str, expected: str, loader_type: type[PlainLoader] | None = None
) -> YamlFile:
    """Parse the text of a YAML file: `read_yaml`, also with a loader that knows more tags.

    Raises
    ------
    FileFormatError
        As `read_yaml`.
    """
    try:
        loader = (loader_type or PlainLoader)(text)
        try:
            node = loader.get_single_node()
            content = {} if node is None else loader.construct_document(node)
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else "?"
        raise FileFormatError(path, f"line {line}: {error.problem}", expected) from error
    except (
        yaml.YAMLError, ValueError, RecursionError, OverflowError, AttributeError, TypeError,
        LookupError,
    ) as error:  # fmt: skip
        raise FileFormatError(path, f"not readable as YAML: {error}", expected) from error
    if not isinstance(content, dict):
        holds = _KINDS.get(type(content), "a single value")
        found = "it is empty" if content is None else f"it holds {holds}, not keys with values"
        raise FileFormatError(path, found, expected)
    return YamlFile(path, content, node)


def portable_path(value: Any) -> Any:
    """Path with forward slashes, whichever system wrote it; ValueError when no file can have it.

    What is no text is passed on as it is.
    """
    if not isinstance(value, str):
        return value
    if "\0" in value or not value.strip():
        raise ValueError("a path must not be empty")
    parts = value.replace("\\", "/").split("/")
    if any(len(part.encode("utf-8", "replace")) > 255 for part in parts) or len(value) > 2000:
        raise ValueError("a path must not be that long")
    return "/".join(parts)


def _in_plain_words(error: ErrorDetails) -> str:
    """Complaint of pydantic, without the words of Python, and the value it is about."""
    message = error["msg"].removeprefix("Value error, ")
    for python, plain in _PYTHON_WORDS.items():
        message = message.replace(python, plain)
    message = re.sub(r" or instance of \w+$", "", message)
    value = error["input"]
    if error["type"] == "value_error" and isinstance(value, dict):
        return message  # it is about several keys, which it names
    got = "nothing" if value is None else str(value)
    got = got if len(got) <= _MOST_SHOWN else f"{got[: _MOST_SHOWN - 3]}..."
    return f"{message}, got '{got}'" if isinstance(value, str) else f"{message}, got {got}"


class PlainLoader(yaml.SafeLoader):
    """Plain data only; every mapping has text as keys, and each key once."""

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """Refuse what repeats another node."""
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.MarkedYAMLError(problem="anchors are not read", problem_mark=mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.Node, deep: bool = False) -> dict[Any, Any]:
        """Refuse keys that are no text, or occur twice."""
        if not isinstance(node, yaml.MappingNode):
            raise yaml.MarkedYAMLError(problem="keys expected", problem_mark=node.start_mark)
        seen = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise yaml.MarkedYAMLError(
                    problem="a key must be text", problem_mark=key.start_mark
                )
            if key.value in seen:
                raise yaml.MarkedYAMLError(
                    problem=f"the key '{key.value}' occurs twice", problem_mark=key.start_mark
                )
            seen.add(key.value)
        found = super().construct_mapping(node, deep=deep)
        return {_key_text(node, key, i): value for i, (key, value) in enumerate(found.items())}


def _key_text(node: yaml.MappingNode, key: Any, place: int) -> str:
    """Return the key as it is written: ``1`` and ``on`` are names of cameras, too."""
    return key if isinstance(key, str) else str(node.value[place][0].value)


def _step(node: yaml.Node | None, key: str | int) -> tuple[yaml.Node, int] | None:
    if isinstance(node, yaml.MappingNode):
        for name, value in node.value:
            if name.value == str(key):
                return value, name.start_mark.line + 1
    if isinstance(node, yaml.SequenceNode) and isinstance(key, int) and key < len(node.value):
        item = node.value[key]
        return item, item.start_mark.line + 1
    return None
