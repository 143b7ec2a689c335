"""A camera's own count of exposures, from 0 at the moment when it was armed."""

from __future__ import annotations


class BlockIds:
    """Turns the numbers that a camera gives its blocks of data into a count from 0.

    Parameters
    ----------
    first
        Number of the first block after arming; None where nobody says: then the first one that
        arrives counts as 0.
    wraps_after
        Number after which `first` comes again; None when never.
    unknown
        Numbers that say that there is none.
    """

    def __init__(
        self,
        first: int | None = 0,
        *,
        wraps_after: int | None = None,
        unknown: frozenset[int] = frozenset({2**64 - 1}),
    ) -> None:
        self._first = first
        self._wraps_after = wraps_after
        self._unknown = unknown
        self.restart()

    def restart(self) -> None:
        """Begin anew: the camera was armed."""
        self._zero = self._first
        self._last = -1

    def since_arming(self, block: int) -> int | None:
        """Count of a block; None when the camera does not say."""
        if block in self._unknown:
            return None
        if self._zero is None:
            self._zero = block
        count = block - self._zero
        if self._wraps_after is not None and block <= self._wraps_after:
            once_round = self._wraps_after - self._zero + 1
            while count < self._last - once_round // 2:
                count += once_round
        self._last = count
        return count

    @classmethod
    def of_gige(cls) -> BlockIds:
        """GigE Vision counts from 1, older cameras to 65535 and then from 1 again; 0 is none."""
        return cls(1, wraps_after=0xFFFF, unknown=frozenset({0, 2**64 - 1}))

    @classmethod
    def of_link(cls, link: str) -> BlockIds:
        """How cameras count on a link, by its name in GenTL."""
        if link == "GEV":
            return cls.of_gige()
        return cls(0 if link == "U3V" else None)
