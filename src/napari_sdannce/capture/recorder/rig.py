"""The cameras of a recording, opened and set up."""

from __future__ import annotations

import logging
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self, TypeVar

from napari_sdannce.capture.cameras import CameraError, Health, Trigger
from napari_sdannce.capture.find_cameras import open_back_end
from napari_sdannce.capture.recorder.causes import in_words
from napari_sdannce.capture.trigger_board import TriggerBoard

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from napari_sdannce.capture.cameras import BackEnd, Camera, CameraInfo, Format
    from napari_sdannce.settings.capture import (
        CameraSettings,
        CaptureSettings,
        TriggerBoardSettings,
    )

Result = TypeVar("Result")
_log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False, slots=True)
class RigCamera:
    """A camera that is open and set up.

    Parameters
    ----------
    settings
        What was asked for.
    camera
        The camera.
    format
        What it delivers.
    """

    settings: CameraSettings
    camera: Camera
    format: Format

    @property
    def name(self) -> str:
        """Its name, and that of its folder."""
        return self.settings.name

    @property
    def info(self) -> CameraInfo:
        """Which camera it is."""
        return self.camera.info

    def arm(self) -> None:
        """Make it ready for exposures.

        Raises
        ------
        CameraError
            Whatever its driver raises.
        """
        with _any_fault():
            self.camera.arm()

    def trigger(self) -> None:
        """Start one exposure.

        Raises
        ------
        CameraError
            Whatever its driver raises.
        """
        with _any_fault():
            self.camera.trigger()

    def health(self) -> Health:
        """How it is; nothing when its driver fails: who grabs its frames tells that."""
        try:
            with _any_fault():
                return self.camera.health()
        except CameraError:
            return Health()


class Rig:
    """Cameras that record together; closed at the end of a ``with`` block.

    Parameters
    ----------
    settings
        Which cameras, and how they are set up.

    Raises
    ------
    CameraError
        When some can not be opened or refuse a setting; all of them are told, and none stays open.
    TriggerBoardError
        When there shall be a board, and none answers.
    """

    def __init__(self, settings: CaptureSettings) -> None:
        self.settings = settings
        self._opened = ExitStack()
        self.cameras: tuple[RigCamera, ...] = ()
        self.board: TriggerBoard | None = None
        """The microcontroller that starts exposures, where there is one."""
        try:
            self._open_all()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the cameras, in their order."""
        return tuple(camera.name for camera in self.cameras)

    @property
    def bytes_per_second(self) -> float:
        """Bytes of images that the cameras deliver together."""
        fps = self.settings.fps
        return sum(camera.format.bytes_per_frame * fps for camera in self.cameras)

    def set_up(self, settings: CaptureSettings) -> None:
        """Set the same cameras up anew.

        Raises
        ------
        CameraError
            When one refuses a setting; all are told.
        """
        opened = [camera.camera for camera in self.cameras]
        before = self.settings.board
        self._set_up(settings, opened)
        if _port(settings.board) != _port(before):
            self._open_board(settings)

    def close(self) -> None:
        """Let go of all cameras, and of the board."""
        self._opened.close()
        self._close_board()

    def _open_all(self) -> None:
        back_ends: dict[str, BackEnd] = {}

        def opened(wanted: CameraSettings) -> Camera:
            if wanted.back_end not in back_ends:
                back_ends[wanted.back_end] = open_back_end(wanted.back_end)
            camera = back_ends[wanted.back_end].open(wanted.serial)
            self._opened.callback(_close, camera)
            return camera

        cameras = _each(self.settings.cameras, opened)
        self._set_up(self.settings, cameras)
        self._open_board(self.settings)

    def _open_board(self, settings: CaptureSettings) -> None:
        self._close_board()
        if settings.board is not None:
            self.board = TriggerBoard(settings.board.port, settings.board.baud)

    def _close_board(self) -> None:
        if self.board is not None:
            self.board.close()
            self.board = None

    def _set_up(self, settings: CaptureSettings, cameras: Sequence[Camera]) -> None:
        trigger = Trigger(settings.trigger)
        by_name = dict(zip((each.name for each in settings.cameras), cameras, strict=True))

        def set_up(wanted: CameraSettings) -> RigCamera:
            camera = by_name[wanted.name]
            return RigCamera(wanted, camera, camera.configure(wanted, settings.fps, trigger))

        self.cameras = tuple(_each(settings.cameras, set_up))
        self.settings = settings


def _port(board: TriggerBoardSettings | None) -> tuple[str, int] | None:
    return None if board is None else (board.port, board.baud)


def _close(camera: Camera) -> None:
    """Let go of a camera; one whose driver fails at that must not keep the others."""
    try:
        with _any_fault():
            camera.close()
    except CameraError as error:
        _log.warning("%s can not be closed: %s", camera.info.serial, error)


@contextmanager
def _any_fault() -> Iterator[None]:
    """Make a `CameraError` of whatever a driver raises: others write drivers, too."""
    try:
        yield
    except CameraError:
        raise
    except Exception as error:
        raise CameraError(in_words(error)) from error


def _each(wanted: Sequence[CameraSettings], do: Callable[[CameraSettings], Result]) -> list[Result]:
    """Do something with every camera, and raise one error that tells of all that failed."""
    done: list[Result] = []
    failed: dict[str, tuple[str, list[str]]] = {}
    for each in wanted:
        try:
            with _any_fault():
                done.append(do(each))
        except CameraError as error:
            alike = str(error).replace(each.serial, "")
            failed.setdefault(alike, (str(error), []))[1].append(each.name)
    if failed:
        raise CameraError("; ".join(_told(names, error) for error, names in failed.values()))
    return done


def _told(names: Sequence[str], error: str) -> str:
    """An error of a camera, and which others have the same."""
    first, *others = names
    alike = f" (and the same of {', '.join(others)})" if others else ""
    return f"{first}: {error}{alike}"
