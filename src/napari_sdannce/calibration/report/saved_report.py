"""``report.json``: what a calibration on disk is worth."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from napari_sdannce.calibration.findings import Finding, Grade
from napari_sdannce.files.errors import FileFormatError
from napari_sdannce.settings.calibrate import Match

FILE = "report.json"
_EXPECTED = "the report of a calibration as `sdannce calibrate` writes it"
_MAX_BYTES = 100_000_000


class _Part(BaseModel):
    """Reports of later versions may say more."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class SavedErrors(_Part):
    """Distances of corners from where the calibration has them, px; None where there are none."""

    mean: float | None = None
    median: float | None = None


class SavedCamera(_Part):
    """One camera; `late_frames` is None where it can not be told."""

    image_size: tuple[int, int]
    intrinsics: dict[str, float | None]
    focal_sigma_percent: float | None = None
    reprojection_px: SavedErrors = SavedErrors()
    holdout_px: SavedErrors | None = None
    sightings: int
    corners: int
    corners_left_out: int
    covered: float | None = None
    late_frames: float | None = None
    late_sigma_frames: float | None = None

    @property
    def focal_px(self) -> float:
        """Focal length, the mean of both axes."""
        both = [self.intrinsics.get(name) or float("nan") for name in ("fx", "fy")]
        return sum(both) / 2

    @property
    def error_px(self) -> float | None:
        """Half of its corners are closer than this, at moments not fitted to if there are such."""
        return (self.holdout_px or self.reprojection_px).median


class SavedFinding(_Part):
    """Something to know."""

    grade: Grade
    text: str
    camera: str | None = None


class SavedVerdict(_Part):
    """What it is worth, in words."""

    grade: Grade
    findings: tuple[SavedFinding, ...] = ()


class SavedSettings(_Part):
    """What was asked for, as far as the images can be opened again by it."""

    match: Match = "auto"
    cameras: str | None = None
    """Those that were chosen, where not all of the recording were."""


class SavedReport(_Part):
    """A calibration on disk in numbers and words; `cameras` by name, in their order."""

    verdict: SavedVerdict
    source: str = ""
    files: tuple[str, ...] = ()
    settings: SavedSettings = SavedSettings()
    reprojection_px: SavedErrors = SavedErrors()
    holdout_px: SavedErrors | None = None
    rigid_residual_mm: float | None = None
    position_sigma_mm: float | None = None
    frames: int
    shared_frames: tuple[tuple[int, ...], ...] = ()
    cameras: dict[str, SavedCamera] = Field(min_length=1)

    @property
    def images(self) -> Path | None:
        """Folder that the images lay in; None where it does not say."""
        return Path(self.source) if self.source else None

    @property
    def grade(self) -> Grade:
        """How good it is."""
        return self.verdict.grade

    @property
    def error_px(self) -> float | None:
        """Half of the corners are closer than this, at moments not fitted to if there are such."""
        return (self.holdout_px or self.reprojection_px).median

    @property
    def told(self) -> tuple[Finding, ...]:
        """Its findings, the worst first."""
        return tuple(Finding(each.grade, each.text, each.camera) for each in self.verdict.findings)


def read_report(path: Path) -> SavedReport:
    """Read it.

    Raises
    ------
    FileNotFoundError, FileFormatError
        When there is no such file, or it is another one.
    """
    if path.stat().st_size > _MAX_BYTES:
        raise FileFormatError(path, f"it has {path.stat().st_size} bytes", _EXPECTED)
    try:
        return SavedReport.model_validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        raise FileFormatError(path, f"{key}: {first['msg']}".lstrip(": "), _EXPECTED) from error
