"""Keys by which programs describe a board: ours, and those of Anipose, caliscope, sleap-anipose."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from .board_kinds import CharucoBoard, Checkerboard
from .pattern import dictionary_names

Board = CharucoBoard | Checkerboard

_MM_PER_INCH = 25.4
_MM_PER_CM = 10.0
_MM_PER_UNIT = {"inch": _MM_PER_INCH, "cm": _MM_PER_CM}


def _known_dictionary(name: str) -> str:
    if name.upper() not in dictionary_names():
        raise ValueError(f"possible: {', '.join(dictionary_names())}")
    return name.upper()


Count = Annotated[int, Field(ge=2, le=1000, strict=True)]
Length = Annotated[float, Field(gt=0, lt=1e5, strict=True)]
Flag = Annotated[bool, Field(strict=True)]
Dictionary = Annotated[str, AfterValidator(_known_dictionary)]


class Keys(BaseModel):
    """Keys of one way to describe a board."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    def board(self) -> Board:
        """The board that they describe."""
        raise NotImplementedError


class Looks(Keys):
    """What may be added to any description of a ChArUco board."""

    legacy: Flag = False
    inverted: Flag = False
    mirrored: Flag = False
    two_sided: Flag = False
    thickness_mm: Annotated[float, Field(ge=0, lt=1e5, strict=True)] = 0.0

    @model_validator(mode="after")
    def _thick_has_two_sides(self) -> Self:
        if self.thickness_mm and not self.two_sided:
            raise ValueError("'thickness_mm' is for a board with 'two_sided = true'")
        return self

    def charuco(
        self, size: tuple[int, int], square_mm: float, marker_mm: float, dictionary: str
    ) -> CharucoBoard:
        """A board that looks like that."""
        return CharucoBoard(
            *size, square_mm, marker_mm, dictionary, self.legacy, self.inverted, self.mirrored,
            self.two_sided, self.thickness_mm,
        )  # fmt: skip


class CharucoKeys(Looks):
    """Ours for a ChArUco board."""

    kind: Literal["charuco"] = "charuco"
    squares_across: Count
    squares_down: Count
    square_mm: Length
    marker_mm: Length
    dictionary: Dictionary = "DICT_4X4_1000"

    def board(self) -> CharucoBoard:
        """The board that they describe."""
        size = (self.squares_across, self.squares_down)
        return self.charuco(size, self.square_mm, self.marker_mm, self.dictionary)


class CheckerboardKeys(Keys):
    """Ours for a plain chessboard."""

    kind: Literal["checkerboard"] = "checkerboard"
    corners_across: Count
    corners_down: Count
    square_mm: Length

    def board(self) -> Checkerboard:
        """The board that they describe."""
        return Checkerboard(self.corners_across, self.corners_down, self.square_mm)


class AniposeKeys(Looks):
    """``[calibration]`` of Anipose's config.toml, lengths in mm."""

    board_type: Literal["charuco", "checkerboard"]
    board_size: tuple[Count, Count]
    board_square_side_length: Length
    board_marker_bits: Annotated[int, Field(ge=4, le=7, strict=True)] | None = None
    board_marker_dict_number: Annotated[int, Field(gt=0, strict=True)] | None = None
    board_marker_length: Length | None = None
    board_marker_separation_length: Length | None = None

    def board(self) -> Board:
        """The board that they describe."""
        if self.board_type == "checkerboard":
            return Checkerboard(*self.board_size, self.board_square_side_length)
        bits, number, marker = (
            self.board_marker_bits, self.board_marker_dict_number, self.board_marker_length,
        )  # fmt: skip
        if bits is None or number is None or marker is None:
            raise ValueError(
                "a charuco board needs 'board_marker_bits', 'board_marker_dict_number' and "
                "'board_marker_length'"
            )
        return self.charuco(
            self.board_size, self.board_square_side_length, marker,
            _by_bits(bits, number, "board_marker_dict_number"),
        )  # fmt: skip


class SleapAniposeKeys(Looks):
    """``board.toml`` of sleap-anipose, lengths in mm."""

    board_x: Count
    board_y: Count
    square_length: Length
    marker_length: Length
    marker_bits: Annotated[int, Field(ge=4, le=7, strict=True)]
    dict_size: Annotated[int, Field(gt=0, strict=True)]

    def board(self) -> CharucoBoard:
        """The board that they describe."""
        dictionary = _by_bits(self.marker_bits, self.dict_size, "dict_size")
        size = (self.board_x, self.board_y)
        return self.charuco(size, self.square_length, self.marker_length, dictionary)


class CaliscopeKeys(Looks):
    """``charuco.toml`` of caliscope: what was measured of a square, else the size of the paper."""

    columns: Count
    rows: Count
    board_width: Length | None = None
    board_height: Length | None = None
    units: Literal["inch", "cm"] = "inch"
    dictionary: Dictionary = "DICT_4X4_50"
    aruco_scale: Annotated[float, Field(gt=0, lt=1, strict=True)] = 0.75
    square_size_override_cm: Length | None = None
    legacy_pattern: Flag = False
    thickness_cm: Annotated[float, Field(ge=0, lt=1e4, strict=True)] = 0.0

    @property
    def square_mm(self) -> float:
        """Edge of a square: the measured one, else the largest that the paper allows."""
        if self.square_size_override_cm is not None:
            return self.square_size_override_cm * _MM_PER_CM
        if self.board_width is None or self.board_height is None:
            raise ValueError("needs 'square_size_override_cm', or 'board_width' and 'board_height'")
        longest = min(self.board_width / self.columns, self.board_height / self.rows)
        return longest * _MM_PER_UNIT[self.units]

    def board(self) -> CharucoBoard:
        """The board that they describe."""
        if self.legacy and not self.legacy_pattern and "legacy_pattern" in self.model_fields_set:
            raise ValueError("'legacy' and 'legacy_pattern' contradict each other")
        thick = self.thickness_cm * _MM_PER_CM
        if thick and self.thickness_mm and thick != self.thickness_mm:
            raise ValueError("'thickness_cm' and 'thickness_mm' contradict each other")
        square = self.square_mm
        return CharucoBoard(
            self.columns, self.rows, square, square * self.aruco_scale, self.dictionary,
            self.legacy or self.legacy_pattern, self.inverted, self.mirrored,
            self.two_sided or thick > 0, self.thickness_mm or thick,
        )  # fmt: skip


def _by_bits(bits: int, number: int, key: str) -> str:
    name = f"DICT_{bits}X{bits}_{number}"
    if name not in dictionary_names():
        start = f"DICT_{bits}X{bits}_"
        there = [each.removeprefix(start) for each in dictionary_names() if each.startswith(start)]
        raise ValueError(
            f"'{key}' is {number}; of {bits} x {bits} bits there are {', '.join(there)}"
        )
    return name
