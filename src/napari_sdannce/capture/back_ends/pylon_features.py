"""Features of a Basler camera, as pypylon gives them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_sdannce.capture.back_ends.features import Kind, Limits, first_line
from napari_sdannce.capture.cameras import CameraError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_sdannce.capture.back_ends.features import Value


class PylonFeatures:
    """Features of a camera.

    Parameters
    ----------
    camera
        Its name in messages.
    nodes
        Its node map.
    genicam
        The module ``pypylon.genicam``.
    """

    def __init__(self, camera: str, nodes: Any, genicam: Any) -> None:
        self.camera = camera
        self._nodes = nodes
        self._genicam = genicam

    def find(self, name: str) -> PylonFeature | None:
        """One of them; None when there is none of this name now."""
        node = self._nodes.GetNode(name)
        if node is None or not self._genicam.IsAvailable(node):
            return None
        return PylonFeature(name, node, self._genicam)


class PylonFeature:
    """One feature of a camera."""

    def __init__(self, name: str, node: Any, genicam: Any) -> None:
        self.name = name
        self._node = node
        self._genicam = genicam

    @property
    def kind(self) -> Kind:
        """What it holds."""
        kinds = {
            self._genicam.IInteger: Kind.WHOLE,
            self._genicam.IFloat: Kind.NUMBER,
            self._genicam.IBoolean: Kind.FLAG,
            self._genicam.IEnumeration: Kind.WORD,
            self._genicam.ICommand: Kind.COMMAND,
        }
        return next((kinds[each] for each in kinds if isinstance(self._node, each)), Kind.TEXT)

    @property
    def is_writable(self) -> bool:
        """Whether it can be changed now."""
        return bool(self._genicam.IsWritable(self._node))

    def read(self) -> Value:
        """Its value."""
        try:
            value: Value = self._node.GetValue()
        except self._genicam.GenericException as error:
            raise CameraError(first_line(error)) from error
        return value

    def write(self, value: Value) -> None:
        """Change it, or carry out a command."""
        try:
            if self.kind is Kind.COMMAND:
                self._node.Execute()
            else:
                self._node.SetValue(value)
        except self._genicam.GenericException as error:
            raise CameraError(first_line(error)) from error

    def limits(self) -> Limits:
        """Which numbers it takes now."""
        node = self._node
        if self.kind is Kind.WHOLE:
            return Limits.of_whole(node.GetMin(), node.GetMax(), node.GetInc(), node.GetUnit())
        step = float(node.GetInc()) if node.HasInc() else None
        return Limits(node.GetMin(), node.GetMax(), step, node.GetUnit())

    def words(self) -> Sequence[str]:
        """Which words it takes."""
        return list(self._node.GetSymbolics())
