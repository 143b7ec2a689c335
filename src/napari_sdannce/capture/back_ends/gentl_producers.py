"""GenTL producers: the files of camera makers (.cti) through which their cameras are reached."""

from __future__ import annotations

import io
import logging
import os
import threading
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlparse
from urllib.request import url2pathname

from napari_sdannce.capture.cameras import CameraError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

PATH_VARIABLE = "GENICAM_GENTL64_PATH"
"""Of the environment: folders with producers. Installers of camera makers set it."""
_SEARCH_MS = 1000
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class Device:
    """A camera that a producer has found.

    Parameters
    ----------
    serial
        Its serial number; where it has none, its name in the producer.
    model
        In the words of its maker.
    link
        How it is connected: U3V (USB), GEV (GigE) and others.
    handle
        What the producer gives to open it.
    """

    serial: str
    model: str
    link: str
    handle: Any


def producer_files() -> list[Path]:
    """The producers that the environment names: folders, or files one by one."""
    places = [Path(each) for each in os.environ.get(PATH_VARIABLE, "").split(os.pathsep) if each]
    found = [file for place in places for file in _producers_in(place)]
    return list(dict.fromkeys(file.resolve() for file in found))


def _producers_in(place: Path) -> Iterator[Path]:
    if place.is_dir():
        yield from sorted(place.glob("*.cti"))
    elif place.suffix.lower() == ".cti" and place.is_file():
        yield place


class Producer:
    """One producer that is open.

    Parameters
    ----------
    gentl
        The module ``genicam.gentl``.
    """

    def __init__(self, gentl: Any, file: Path) -> None:
        self.file = file
        self._gentl = gentl
        self._lock = threading.Lock()
        self._library = gentl.GenTLProducer.create_producer()
        self._library.open(str(file))
        self._system = self._library.create_system()
        self._system.open()
        self._interfaces: dict[str, Any] = {}

    def devices(self) -> list[Device]:
        """Cameras that are there now; those that are open stay so."""
        with self._lock:
            self._system.update_interface_info_list(_SEARCH_MS)
            for info in self._system.interface_info_list:
                if info.id_ not in self._interfaces:
                    self._interfaces[info.id_] = self._opened(info)
            return [device for each in self._interfaces.values() for device in self._of(each)]

    def _opened(self, info: Any) -> Any:
        interface = info.create_interface()
        interface.open()
        return interface

    def _of(self, interface: Any) -> Iterator[Device]:
        interface.update_device_info_list(_SEARCH_MS)
        for info in interface.device_info_list:
            yield Device(
                serial=self._text(info, "serial_number") or info.id_,
                model=self._text(info, "model") or "?",
                link=self._text(info, "tl_type"),
                handle=info,
            )

    def _text(self, info: Any, name: str) -> str:
        """What a producer tells of a camera; empty when it does not."""
        try:
            return str(getattr(info, name) or "")
        except self._gentl.GenericException:
            return ""


_open: dict[Path, Producer] = {}
_open_lock = threading.Lock()


def open_producers(gentl: Any, files: Sequence[Path]) -> list[Producer]:
    """Open producers. Each can be open once in a process, so that they stay open and are shared.

    Raises
    ------
    CameraError
        When none can be opened.
    """
    problems = []
    with _open_lock:
        for file in files:
            if file in _open:
                continue
            try:
                _open[file] = Producer(gentl, file)
            except gentl.GenericException as error:
                problems.append(f"{file}: {error}")
        opened = [_open[file] for file in files if file in _open]
    if problems and not opened:
        raise CameraError("no GenTL producer can be used: " + "; ".join(problems))
    for problem in problems:
        _log.warning("this GenTL producer can not be used: %s", problem)
    return opened


@dataclass(frozen=True, slots=True)
class Description:
    """In which a camera describes its features.

    Parameters
    ----------
    xml
        As GenICam defines it.
    address
        Where it lies in the memory of the camera, so that reading there tells whether the camera is
        still there; None when it lies in a file.
    """

    xml: str
    address: int | None


def description_of(port: Any) -> Description:
    """Read the description of a camera.

    Raises
    ------
    CameraError
        When it lies where only its maker's program can fetch it.
    """
    url = port.url_info_list[0].url
    scheme, _, rest = url.partition(":")
    start = None
    if scheme.lower() == "local":
        _, address, length = rest.split("?")[0].split(";")
        start = int(address, 16)
        _, data = port.read(start, int(length, 16))
    elif scheme.lower() == "file":
        data = Path(url2pathname(urlparse(url).path)).read_bytes()
    else:
        raise CameraError(f"the description of its features lies where we can not read it: {url}")
    if data[:2] == b"PK":
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            data = archive.read(archive.namelist()[0])
    return Description(bytes(data).rstrip(b"\0").decode("utf-8-sig"), start)
