"""A camera's own count, from 0 at the moment when it was armed."""

from __future__ import annotations

import pytest

from napari_sdannce.capture.back_ends.block_ids import BlockIds


@pytest.mark.parametrize(
    ("link", "sent", "counts"),
    [
        ("U3V", [0, 1, 3], [0, 1, 3]),
        ("U3V", [2, 3], [2, 3]),  # the first two were lost, and are known to be
        ("GEV", [1, 2, 4], [0, 1, 3]),
        ("GEV", [1, 0, 3], [0, None, 2]),
        ("Custom", [7, 8, 10], [0, 1, 3]),
        ("U3V", [0, 2**64 - 1, 2], [0, None, 2]),
    ],
)
def test_counts_begin_at_0(link: str, sent: list[int], counts: list[int | None]) -> None:
    ids = BlockIds.of_link(link)
    assert [ids.since_arming(block) for block in sent] == counts


def test_old_gige_cameras_begin_again_after_65535() -> None:
    ids = BlockIds.of_gige()
    sent = [block % 65535 + 1 for block in range(0, 200_000, 5)]
    assert [ids.since_arming(block) for block in sent] == list(range(0, 200_000, 5))


def test_new_gige_cameras_count_on() -> None:
    ids = BlockIds.of_gige()
    assert [ids.since_arming(block) for block in (1, 65535, 65536, 70000)] == [
        0,
        65534,
        65535,
        69999,
    ]


def test_blocks_out_of_order_are_no_new_round() -> None:
    ids = BlockIds.of_gige()
    assert [ids.since_arming(block) for block in (1, 2, 4, 3)] == [0, 1, 3, 2]


def test_arming_begins_anew() -> None:
    ids = BlockIds(None)
    assert [ids.since_arming(block) for block in (5, 6)] == [0, 1]
    ids.restart()
    assert [ids.since_arming(block) for block in (9, 10)] == [0, 1]
