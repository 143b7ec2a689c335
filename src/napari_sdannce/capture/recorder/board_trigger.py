"""Exposures that a trigger board starts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_sdannce.capture.trigger_board import PulseCount, TriggerBoardError

if TYPE_CHECKING:
    from napari_sdannce.capture.recorder.events import EventLog
    from napari_sdannce.capture.trigger_board import TriggerBoard
    from napari_sdannce.settings.capture import TriggerBoardSettings

_NOTHING = PulseCount(is_running=False, sent=0, late_us=0, left_out=0)


class BoardTrigger:
    """Lets a board pulse, and counts its pulses.

    Parameters
    ----------
    board
        Open; it stays so.
    settings
        Its pins and pulses.
    fps
        Pulses a second.
    n_pulses
        How many; None: until it is stopped.
    events
        Where trouble is noted.
    """

    def __init__(
        self,
        board: TriggerBoard,
        settings: TriggerBoardSettings,
        fps: float,
        n_pulses: int | None,
        events: EventLog,
    ) -> None:
        self.failure = ""
        self._board = board
        self._settings = settings
        self._fps = fps
        self._n_pulses = n_pulses
        self._events = events
        self._count = _NOTHING

    @property
    def pulses(self) -> int:
        """Pulses when it was last asked."""
        return self._count.sent

    @property
    def is_over(self) -> bool:
        """Whether all pulses were sent."""
        return self._n_pulses is not None and self.pulses >= self._n_pulses

    def prepare(self) -> None:
        """Set the pulses up; cameras see nothing yet.

        Raises
        ------
        TriggerBoardError
            When the board does not take them.
        """
        for note in self._board.notes:
            self._events.note(note)
        settings = self._settings
        self._board.prepare(settings.pins, self._fps, self._n_pulses, settings.pulse_us)

    def start(self) -> None:
        """Begin to pulse."""
        self._board.start()

    def leave_out(self, camera: str) -> None:
        """Nothing is to be done: a pulse is for all cameras."""

    def poll(self) -> None:
        """Ask how many pulses there were; a board that is gone has failed."""
        if not self.failure:
            try:
                self._count = self._board.status()
            except TriggerBoardError as error:
                self.failure = str(error)

    def stop(self) -> None:
        """Stop the pulses, the last one whole, and tell of those that were left out."""
        if self.failure:
            return
        try:
            self._board.stop()
        except TriggerBoardError as error:
            self.failure = str(error)
            self._events.trouble_with("", f"how many pulses were sent is not known: {error}")
        self.poll()
        if self._count.left_out:
            told = f"the board was too late for {self._count.left_out} pulses, and left them out"
            self._events.trouble_with("", told)
