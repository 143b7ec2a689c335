"""What is recorded is read back: frames, order, times, colours; split, killed, on a full disk."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from napari_sdannce.capture.cameras import Format, PixelLayout
from napari_sdannce.capture.codecs import encoding_of, footage_of
from napari_sdannce.capture.frame_records import RECORDS_FILE, read_frame_records
from napari_sdannce.capture.video_file import LONGEST_PAUSE_US, CameraVideoWriter
from napari_sdannce.files.experiment import open_recording
from napari_sdannce.recording import View
from napari_sdannce.settings.capture import EncodingSettings
from napari_sdannce.video import CameraVideo, RecordingVideo, VideoError, VideoReader

sys.path.insert(0, str(Path(__file__).parents[1] / "video"))
from numbered_clips import HEIGHT, WIDTH, frame_code, read_code

FPS = 50
STEP_US = 1_000_000 // FPS
CODECS = ("libx264", "mjpeg", "ffv1")
BAYER = {
    PixelLayout.BAYER_RG: "RGGB",
    PixelLayout.BAYER_BG: "BGGR",
    PixelLayout.BAYER_GR: "GRBG",
    PixelLayout.BAYER_GB: "GBRG",
}


def open_writer(
    folder: Path,
    codec: str = "libx264",
    *,
    size: tuple[int, int] = (WIDTH, HEIGHT),
    layout: PixelLayout = PixelLayout.MONO,
    exact: bool = False,
    frames_per_file: int | None = None,
    **chosen: object,
) -> CameraVideoWriter:
    encoding = encoding_of(codec, EncodingSettings(codec=codec, **chosen))
    footage = footage_of(Format(*size, layout), FPS, exact=exact)
    return CameraVideoWriter(folder, layout, footage, encoding, frames_per_file=frames_per_file)


def write_numbers(writer: CameraVideoWriter, n: int, step_us: int = STEP_US) -> None:
    with writer:
        for i in range(n):
            assert writer.write(frame_code(i), 5_000_000 + i * step_us) == i


def write_noisy_numbers(writer: CameraVideoWriter, n: int) -> None:
    rng = np.random.default_rng(0)
    for i in range(n):
        noise = rng.integers(0, 8, (HEIGHT, WIDTH), dtype=np.uint8)
        writer.write(frame_code(i) + noise, i * STEP_US)


def numbers_of(writer: CameraVideoWriter) -> list[int | None]:
    with CameraVideo(View("Camera1", writer.files), color="gray") as video:
        assert video.problems == ()
        return [read_code(video.read(i)) for i in range(video.n_frames)]


def opencv_numbers(path: Path) -> list[int | None]:
    capture, found = cv2.VideoCapture(str(path)), []
    while (read := capture.read())[0]:
        found.append(read_code(read[1]))
    capture.release()
    return found


def keyframes(path: Path) -> list[int]:
    with VideoReader(path) as video:
        table = video.index.table()
        return table.rank[table.keys].tolist()


def psnr(found: np.ndarray, wanted: np.ndarray) -> float:
    return float(10 * np.log10(255**2 / max(1e-9, np.mean((found.astype(float) - wanted) ** 2))))


def scene(width: int, height: int) -> np.ndarray:
    """A smooth coloured picture with black and white in it."""
    y, x = np.mgrid[:height, :width] / 20.0
    channels = [np.sin(x + y), np.cos(x - y), np.sin(y)]
    image = np.stack([np.rint(127 + 100 * c) for c in channels], axis=-1).astype(np.uint8)
    image[: height // 4, : width // 4], image[: height // 4, width // 4 : width // 2] = 0, 255
    return image


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("exact", [False, True])
def test_frames_and_times_are_read_back(tmp_path: Path, codec: str, exact: bool) -> None:
    steps = np.random.default_rng(0).integers(1, 3 * STEP_US, 60)
    times = 10**15 + np.cumsum(steps)
    with open_writer(tmp_path, codec, exact=exact) as writer:
        for i, time_us in enumerate(times.tolist()):
            writer.write(frame_code(i), time_us)
    assert numbers_of(writer) == list(range(60))
    assert opencv_numbers(tmp_path / "0.mp4") == list(range(60))
    expected = (times - times[0]) if exact else np.arange(60) * STEP_US
    with VideoReader(tmp_path / "0.mp4") as video:
        np.testing.assert_array_equal(np.rint(video.times * 1e6), expected)
        if not exact:
            assert video.fps == FPS


@pytest.mark.parametrize("fps", [29.97, 30, 59.94, 100, 7.5, 333])
def test_even_times_count_frames_for_readers_that_go_by_time(tmp_path: Path, fps: float) -> None:
    footage = footage_of(Format(WIDTH, HEIGHT, PixelLayout.MONO), fps)
    encoding = encoding_of("libx264", EncodingSettings())
    with CameraVideoWriter(tmp_path, PixelLayout.MONO, footage, encoding) as writer:
        for i in range(50):
            writer.write(frame_code(i), round(i * 1e6 / fps))
    capture = cv2.VideoCapture(str(tmp_path / "0.mp4"))
    assert capture.get(cv2.CAP_PROP_FRAME_COUNT) == 50
    assert capture.get(cv2.CAP_PROP_FPS) == pytest.approx(fps, rel=1e-4)
    for i in (49, 3, 30, 0, 17):
        capture.set(cv2.CAP_PROP_POS_FRAMES, i)
        assert read_code(capture.read()[1]) == i
    capture.release()


def test_times_that_do_not_rise_are_moved_on(tmp_path: Path) -> None:
    with open_writer(tmp_path, exact=True) as writer:
        for i, time_us in enumerate([100, 300, 300, 200, 900]):
            writer.write(frame_code(i), time_us)
    with VideoReader(tmp_path / "0.mp4") as video:
        assert np.rint(video.times * 1e6).tolist() == [0, 200, 201, 202, 800]


def test_a_pause_longer_than_mp4_knows_begins_a_new_file(tmp_path: Path) -> None:
    with open_writer(tmp_path, exact=True) as writer:
        for i, time_us in enumerate([0, 20_000, 20_000 + LONGEST_PAUSE_US, 10**11, 10**11 + 7]):
            writer.write(frame_code(i), time_us)
    assert [file.first_frame for file in writer.files] == [0, 3]
    with VideoReader(tmp_path / "0.mp4") as video:
        assert np.rint(video.times * 1e6).tolist() == [0, 20_000, 20_000 + LONGEST_PAUSE_US]
    assert numbers_of(writer) == list(range(5))


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sets(st.integers(1, 39), max_size=5), st.none() | st.integers(1, 30))
def test_splits_hold_the_same_frames_in_order(
    tmp_path_factory: pytest.TempPathFactory, at: set[int], per_file: int | None
) -> None:
    folder = tmp_path_factory.mktemp("split")
    with open_writer(folder, frames_per_file=per_file) as writer:
        for i in range(40):
            if i in at:
                writer.split()
                writer.split()
            writer.write(frame_code(i), i * STEP_US)
    starts = [file.first_frame for file in writer.files]
    assert starts[0] == 0
    assert at <= set(starts)
    assert all(
        per_file is None or b - a <= per_file
        for a, b in zip(starts, [*starts[1:], 40], strict=True)
    )
    assert sorted(path.name for path in folder.iterdir()) == sorted(f"{i}.mp4" for i in starts)
    assert all(keyframes(file.path)[0] == 0 for file in writer.files)
    assert numbers_of(writer) == list(range(40))


def test_every_file_opens_for_others_too(tmp_path: Path) -> None:
    writer = open_writer(tmp_path, frames_per_file=15)
    write_numbers(writer, 40)
    found = [opencv_numbers(file.path) for file in writer.files]
    assert found == [list(range(15)), list(range(15, 30)), list(range(30, 40))]


@pytest.mark.parametrize("step_us", [STEP_US, 3 * STEP_US, 17 * STEP_US, STEP_US // 4])
def test_keyframes_come_by_the_clock(tmp_path: Path, step_us: int) -> None:
    writer = open_writer(tmp_path, keyframe_s=0.5)
    write_numbers(writer, 120, step_us)
    keys = np.array([*keyframes(tmp_path / "0.mp4"), 120])
    assert (np.diff(keys) * step_us <= 500_000 + step_us / 2).all()
    assert len(keys) - 1 <= 2 + 120 * max(step_us, 500_000 // 25) / 500_000 * 2


def test_frames_do_not_refer_across_keyframes_nor_forward(tmp_path: Path) -> None:
    write_numbers(open_writer(tmp_path), 80)
    with VideoReader(tmp_path / "0.mp4") as video:
        table = video.index.table()
        assert video.header.reorder == 0
        np.testing.assert_array_equal(table.rank, np.arange(80))


@pytest.mark.parametrize("size", [(96, 64), (95, 64), (96, 63), (93, 61), (31, 17)])
@pytest.mark.parametrize("layout", [PixelLayout.MONO, PixelLayout.RGB, PixelLayout.BGR])
def test_lossless_keeps_every_value_of_any_size(
    tmp_path: Path, size: tuple[int, int], layout: PixelLayout
) -> None:
    image = scene(*size)
    given_ = image[..., 0] if layout is PixelLayout.MONO else image
    given_ = given_[..., ::-1] if layout is PixelLayout.BGR else given_
    with open_writer(tmp_path, "ffv1", size=size, layout=layout) as writer:
        for i in range(3):
            writer.write(np.roll(given_, i, axis=1), i * STEP_US)
    with VideoReader(tmp_path / "0.mp4", color="auto") as video:
        assert (video.width, video.height) == size
        wanted = image[..., 0] if layout is PixelLayout.MONO else image
        np.testing.assert_array_equal(video.read(2), np.roll(wanted, 2, axis=1))


@pytest.mark.parametrize("codec", ["libx264", "mjpeg"])
@pytest.mark.parametrize("size", [(320, 256), (317, 256), (320, 255), (317, 255)])
@pytest.mark.parametrize("layout", [PixelLayout.MONO, PixelLayout.RGB, PixelLayout.BGR])
def test_lossy_codecs_keep_size_range_and_colour(
    tmp_path: Path, codec: str, size: tuple[int, int], layout: PixelLayout
) -> None:
    image = scene(*size)
    is_mono = layout is PixelLayout.MONO
    given_ = image[..., 0] if is_mono else image[..., ::-1] if layout is PixelLayout.BGR else image
    with open_writer(tmp_path, codec, size=size, layout=layout) as writer:
        for i in range(4):
            writer.write(given_, i * STEP_US)
    with VideoReader(tmp_path / "0.mp4", color="gray" if is_mono else "rgb") as video:
        assert (video.width, video.height) == size
        found = video.read(3)
    wanted = image[..., 0] if is_mono else image
    # colour at half the size and edges cost most
    assert psnr(found, wanted) > (38 if is_mono else 26)
    assert found[8:40, 8:40].max() <= 4
    quarter = size[0] // 4
    assert found[8:40, quarter + 8 : quarter + 40].min() >= 251
    capture = cv2.VideoCapture(str(tmp_path / "0.mp4"))
    bgr = capture.read()[1]
    assert bgr.shape[:2] == size[::-1]
    shown = wanted[..., None].repeat(3, axis=2) if is_mono else wanted[..., ::-1]
    assert psnr(bgr, shown) > (35 if is_mono else 26)
    capture.release()


@pytest.mark.parametrize("codec", ["libx264", "libsvtav1", "mjpeg", "ffv1"])
def test_better_qualities_are_nearer_to_the_image(tmp_path: Path, codec: str) -> None:
    rng = np.random.default_rng(0)
    still = cv2.GaussianBlur(rng.integers(0, 256, (256, 320), dtype=np.uint8), (0, 0), 2)
    still = cv2.normalize(still, None, 0, 255, cv2.NORM_MINMAX)
    images = [np.clip(np.roll(still, i) + rng.normal(0, 2, still.shape), 0, 255).astype(np.uint8)
              for i in range(12)]  # fmt: skip
    found = []
    for quality in ("low", "medium", "high", "visually_lossless"):
        folder = tmp_path / quality
        folder.mkdir()
        with open_writer(folder, codec, size=(320, 256), quality=quality) as writer:
            for i, image in enumerate(images):
                writer.write(image, i * STEP_US)
        with VideoReader(folder / "0.mp4", color="gray") as video:
            found.append(np.mean([psnr(video.read(i), images[i]) for i in range(12)]))
    assert found[-1] > 40
    assert found == sorted(found)
    if codec != "ffv1":
        assert np.diff(found).min() > 0.5


def mosaic(image: np.ndarray, pattern: str) -> np.ndarray:
    """What a sensor with such a pattern of filters sees of an RGB image."""
    raw = np.empty(image.shape[:2], np.uint8)
    for i, filter_ in enumerate(pattern):
        rows, columns = slice(i // 2, None, 2), slice(i % 2, None, 2)
        raw[rows, columns] = image[rows, columns, "RGB".index(filter_)]
    return raw


@pytest.mark.parametrize("layout", BAYER)
@pytest.mark.parametrize("codec", ["libx264", "ffv1"])
@pytest.mark.parametrize("size", [(320, 256), (319, 255)])
def test_bayer_mosaics_get_their_colours(
    tmp_path: Path, layout: PixelLayout, codec: str, size: tuple[int, int]
) -> None:
    colours = [(200, 40, 40), (40, 200, 40), (40, 40, 200), (200, 200, 40)]
    image = np.zeros((size[1], size[0], 3), np.uint8)
    for i, colour in enumerate(colours):
        image[:, i * size[0] // 4 : (i + 1) * size[0] // 4] = colour
    with open_writer(tmp_path, codec, size=size, layout=layout) as writer:
        for i in range(2):
            writer.write(mosaic(image, BAYER[layout]), i * STEP_US)
    with VideoReader(tmp_path / "0.mp4") as video:
        found = video.read(1).astype(int)
    for i, colour in enumerate(colours):
        middle = found[100:120, i * size[0] // 4 + 30 : i * size[0] // 4 + 50].mean(axis=(0, 1))
        np.testing.assert_allclose(middle, colour, atol=3)


def test_images_of_another_shape_are_refused(tmp_path: Path) -> None:
    with open_writer(tmp_path) as writer:
        for image in (
            np.zeros((HEIGHT, WIDTH, 3), np.uint8),
            np.zeros((HEIGHT, WIDTH + 1), np.uint8),
            np.zeros((HEIGHT, WIDTH), np.uint16),
        ):
            with pytest.raises(ValueError, match=r"expected \(64, 96\) uint8"):
                writer.write(image, 0)
        writer.write(frame_code(0), 0)
    assert numbers_of(writer) == [0]


def test_nothing_is_replaced_and_nothing_empty_left(tmp_path: Path) -> None:
    open_writer(tmp_path).close()
    assert list(tmp_path.iterdir()) == []
    write_numbers(open_writer(tmp_path), 3)
    before = (tmp_path / "0.mp4").read_bytes()
    with pytest.raises(FileExistsError, match=r"0\.mp4"):
        open_writer(tmp_path)
    assert (tmp_path / "0.mp4").read_bytes() == before
    with pytest.raises(VideoError, match="can not be begun"):
        open_writer(tmp_path / "none")


def test_a_full_disk_leaves_what_was_written(tmp_path: Path, small_disk) -> None:
    writer = open_writer(tmp_path, quality="visually_lossless")
    with small_disk(), pytest.raises(VideoError) as caught:
        write_noisy_numbers(writer, 1000)
    n = writer.n_frames
    assert f"frame {n + 1} was not written: " in str(caught.value)
    assert "all before can be read" in str(caught.value)
    with pytest.raises(VideoError, match="is closed"):
        writer.write(frame_code(0), 0)
    writer.close()
    with VideoReader(tmp_path / "0.mp4") as video:
        assert video.problems == ()
        assert video.n_frames == n > 10
        assert [read_code(video.read(i)) for i in range(video.n_frames)] == list(
            range(video.n_frames)
        )
    assert len(opencv_numbers(tmp_path / "0.mp4")) >= n - 2


def test_a_disk_that_is_full_at_the_end_leaves_all(tmp_path: Path, small_disk) -> None:
    writer = open_writer(tmp_path, "mjpeg", quality="visually_lossless")
    i = 0
    while (tmp_path / "0.mp4").stat().st_size < 65_000:  # no room for the table
        writer.write(frame_code(i), i * STEP_US)
        i += 1
    with small_disk(), pytest.raises(VideoError, match="could not be finished"):
        writer.close()
    with VideoReader(tmp_path / "0.mp4") as video:
        assert video.n_frames >= i - 2


CHILD = """
import sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[3])
from numbered_clips import HEIGHT, WIDTH, frame_code
from napari_sdannce.capture.cameras import Format, PixelLayout
from napari_sdannce.capture.codecs import encoding_of, footage_of
from napari_sdannce.capture.frame_records import FrameRecord, FrameRecordFile
from napari_sdannce.capture.video_file import CameraVideoWriter
from napari_sdannce.settings.capture import EncodingSettings

folder, codec = Path(sys.argv[1]), sys.argv[2]
footage = footage_of(Format(WIDTH, HEIGHT, PixelLayout.MONO), 100)
encoding = encoding_of(codec, EncodingSettings(codec=codec, keyframe_s=1))
records = FrameRecordFile(folder)
with CameraVideoWriter(folder, PixelLayout.MONO, footage, encoding, frames_per_file=70) as writer:
    begin = time.monotonic_ns()
    for i in range(10_000):
        time.sleep(max(0, (begin + i * 10_000_000 - time.monotonic_ns()) / 1e9))
        now = time.monotonic_ns()
        frame = writer.write(frame_code(i), now // 1000)
        records.add(FrameRecord(i, frame, i, None, now, time.time_ns()))
        print(i, flush=True)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
@pytest.mark.parametrize("codec", CODECS)
def test_a_kill_in_the_middle_loses_less_than_a_second(tmp_path: Path, codec: str) -> None:
    folder = tmp_path / "videos" / "Camera1"
    folder.mkdir(parents=True)
    clips = str(Path(__file__).parents[1] / "video")
    with subprocess.Popen(
        [sys.executable, "-c", CHILD, str(folder), codec, clips], stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        for line in child.stdout:
            if int(line) >= 100:
                child.kill()
                break
        last = max(map(int, child.stdout.read().split()), default=100)
    records = read_frame_records(folder / RECORDS_FILE)
    assert len(records) >= last + 1
    killed_ns = records.host_ns[-1]

    found = sorted(folder.glob("*.mp4"), key=lambda path: int(path.stem))
    assert [path.name for path in found[:2]] == ["0.mp4", "70.mp4"]
    assert opencv_numbers(found[0]) == list(range(70))
    assert opencv_numbers(found[1])[:20] == list(range(70, 90))
    with RecordingVideo(open_recording(tmp_path), color="gray") as video:
        camera = video.cameras[0]
        assert camera is not None
        n = camera.n_frames
        assert all(read_code(camera.read(i)) == i for i in range(n))
    lost_ns = killed_ns - records.host_ns[n - 1]
    assert lost_ns < 1_000_000_000
    assert len(records) - n <= 3
