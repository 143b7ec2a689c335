"""An encoder is taken when it really works; when not, it is told why and which do."""

from __future__ import annotations

import av.logging
import pytest

from napari_sdannce.capture.cameras import Format, PixelLayout
from napari_sdannce.capture.codecs import (
    AUTO,
    LEVELS,
    OPTIONS,
    QUALITY,
    CodecError,
    choose_encoding,
    encoding_of,
    footage_of,
    why_not,
    works,
)
from napari_sdannce.settings.capture import EncodingSettings

MONO = footage_of(Format(320, 256, PixelLayout.MONO), 100)
SOFTWARE = ("libx264", "mjpeg", "ffv1")
HARDWARE = tuple(name for name in AUTO if name != "libx264")


@pytest.mark.parametrize("codec", SOFTWARE)
@pytest.mark.parametrize("layout", [PixelLayout.MONO, PixelLayout.BAYER_GB])
@pytest.mark.parametrize("size", [(320, 256), (317, 255), (18, 9)])
@pytest.mark.parametrize("quality", LEVELS)
def test_software_works_for_every_size_and_quality(
    codec: str, layout: PixelLayout, size: tuple[int, int], quality: str
) -> None:
    settings = EncodingSettings(codec=codec, quality=quality)
    encoding = choose_encoding(settings, footage_of(Format(*size, layout), 100))
    assert encoding.codec == codec
    assert encoding.crash_safe


def test_svt_av1_works() -> None:
    assert works("libsvtav1", MONO)


def test_auto_takes_the_first_that_works() -> None:
    first = next(name for name in AUTO if works(name, MONO, 2))
    assert choose_encoding(EncodingSettings(), MONO, 2).codec == first


@pytest.mark.parametrize("codec", HARDWARE)
def test_what_does_not_work_is_told_with_what_does(codec: str) -> None:
    if works(codec, MONO):
        pytest.skip("this computer has it")
    before = av.logging.get_level()
    with pytest.raises(CodecError) as caught:
        choose_encoding(EncodingSettings(codec=codec), MONO)
    told = str(caught.value)
    assert f"320x256 px: {codec}: " in told
    assert "work are" in told
    assert all(name in told for name in SOFTWARE)
    assert av.logging.get_level() == before


def test_the_reason_is_the_drivers_and_not_a_number() -> None:
    reason = why_not(encoding_of("h264_nvenc", EncodingSettings()), MONO)
    if not reason:
        pytest.skip("this computer has NVENC")
    assert "avcodec_open2" not in reason
    assert "cuda" in reason.lower() or "nv" in reason.lower()


def test_unknown_names_and_options_are_refused() -> None:
    with pytest.raises(CodecError, match=r"called 'x264'; there are auto, .*libx264"):
        choose_encoding(EncodingSettings(codec="x264"), MONO)
    with pytest.raises(CodecError, match="no option 'qpp'"):
        choose_encoding(EncodingSettings(codec="libx264", options={"qpp": "3"}), MONO)
    with pytest.raises(CodecError, match="options are of one codec"):
        choose_encoding(EncodingSettings(options={"crf": "3"}), MONO)


def test_options_of_the_person_win() -> None:
    settings = EncodingSettings(codec="libx264", options={"crf": "3", "preset": "fast"})
    options = choose_encoding(settings, MONO).encoder_options(".mp4")
    assert (options["crf"], options["preset"], options["bf"]) == ("3", "fast", "0")


def test_odd_sizes_are_refused_where_they_can_not_be_kept() -> None:
    odd = footage_of(Format(321, 256, PixelLayout.MONO), 100)
    reason = why_not(encoding_of("h264_qsv", EncodingSettings()), odd)
    assert reason == "'h264_qsv' takes no images with an odd width or height"


def test_qualities_rise_with_their_names() -> None:
    assert set(QUALITY) == set(OPTIONS) - {"ffv1"}
    for _, values in QUALITY.values():
        assert len(values) == len(LEVELS)
        assert list(values) == sorted(set(values), reverse=True)
