"""What is found out about a calibration, and how bad it is."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Grade(StrEnum):
    """How good it is."""

    GOOD = "good"
    USABLE = "usable"
    RECORD_AGAIN = "record again"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something to know, and what to do about it.

    Parameters
    ----------
    grade
        How bad it is.
    text
        A sentence or two.
    camera
        Whom it is about; None: all.
    """

    grade: Grade
    text: str
    camera: str | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """All findings, the worst first."""

    findings: tuple[Finding, ...]

    @property
    def grade(self) -> Grade:
        """That of the worst finding."""
        grades = {finding.grade for finding in self.findings}
        order = (Grade.RECORD_AGAIN, Grade.USABLE, Grade.GOOD)
        return next((grade for grade in order if grade in grades), Grade.GOOD)
