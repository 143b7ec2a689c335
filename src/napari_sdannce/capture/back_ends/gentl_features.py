"""Features of a GenTL camera, as the package genicam gives them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_sdannce.capture.back_ends.features import Kind, Limits, first_line
from napari_sdannce.capture.cameras import CameraError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_sdannce.capture.back_ends.features import Value


def connect(genapi: Any, port: Any, description: str) -> Any:
    """The features (a node map) of the camera behind a port."""

    class OpenPort(genapi.AbstractPort):  # type: ignore[misc]
        def is_open(self) -> bool:
            return True

        def get_access_mode(self) -> Any:
            return genapi.EAccessMode.RW

        def read(self, address: int, length: int) -> Any:
            return port.read(address, length)[1]

        def write(self, address: int, value: Any) -> None:
            port.write(address, value)

    nodes = genapi.NodeMap()
    nodes.load_xml_from_string(description)
    nodes.connect(OpenPort(), port.name)
    return nodes


class GentlFeatures:
    """Features of a camera.

    Parameters
    ----------
    genapi
        The module ``genicam.genapi``.
    nodes
        What `connect` gave.
    """

    def __init__(self, camera: str, genapi: Any, nodes: Any) -> None:
        self.camera = camera
        self._genapi = genapi
        self._nodes = nodes

    def find(self, name: str) -> GentlFeature | None:
        """One of them; None when there is none of this name now."""
        if not self._nodes.has_node(name):
            return None
        node = self._nodes.get_node(name)
        if not self._genapi.is_available(node):
            return None
        return GentlFeature(name, self._genapi, node)


class GentlFeature:
    """One feature of a camera."""

    def __init__(self, name: str, genapi: Any, node: Any) -> None:
        self.name = name
        self._genapi = genapi
        self._node = node

    @property
    def kind(self) -> Kind:
        """What it holds."""
        kinds = {
            self._genapi.IInteger: Kind.WHOLE,
            self._genapi.IFloat: Kind.NUMBER,
            self._genapi.IBoolean: Kind.FLAG,
            self._genapi.IEnumeration: Kind.WORD,
            self._genapi.ICommand: Kind.COMMAND,
        }
        return next((kinds[each] for each in kinds if isinstance(self._node, each)), Kind.TEXT)

    @property
    def is_writable(self) -> bool:
        """Whether it can be changed now."""
        return bool(self._genapi.is_writable(self._node))

    def read(self) -> Value:
        """Its value."""
        try:
            value: Value = self._node.value
        except self._genapi.GenericException as error:
            raise CameraError(first_line(error)) from error
        return value

    def write(self, value: Value) -> None:
        """Change it, or carry out a command."""
        try:
            if self.kind is Kind.COMMAND:
                self._node.execute()
            else:
                self._node.value = value
        except self._genapi.GenericException as error:
            raise CameraError(first_line(error)) from error

    def limits(self) -> Limits:
        """Which numbers it takes now."""
        node = self._node
        if self.kind is Kind.WHOLE:
            return Limits.of_whole(node.min, node.max, node.inc, node.unit)
        step = float(node.inc) if node.has_inc() else None
        return Limits(node.min, node.max, step, node.unit)

    def words(self) -> Sequence[str]:
        """Which words it takes."""
        return list(self._node.symbolics)
