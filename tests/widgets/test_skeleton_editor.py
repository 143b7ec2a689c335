"""Making skeletons in a form."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

from napari_sdannce.files.skeleton_mat import open_skeleton
from napari_sdannce.skeletons import load_skeleton
from napari_sdannce.widgets.label_3d.skeleton_editor import SkeletonEditor

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.window


@pytest.fixture
def editor(qtbot: Any) -> SkeletonEditor:
    editor = SkeletonEditor(load_skeleton("rat23"))
    qtbot.addWidget(editor)
    return editor


def test_an_untouched_form_is_the_same_skeleton(editor: SkeletonEditor) -> None:
    expected = load_skeleton("rat23")
    found = editor.skeleton()
    assert (found.name, found.keypoints, found.edges) == (
        "rat23",
        expected.keypoints,
        expected.edges,
    )
    assert found.pairs == expected.pairs
    for ours, theirs in zip(found.colors, expected.colors, strict=True):
        assert ours == pytest.approx(theirs, abs=1 / 250)


@pytest.mark.parametrize("suffix", [".yaml", ".mat"])
def test_an_edited_skeleton_is_saved_and_read(
    editor: SkeletonEditor, tmp_path: Path, suffix: str
) -> None:
    editor.name.setText("rat24")
    editor.keypoints.add(["TailTip"])
    editor.bones.add(["TailBase", "TailTip", "#ff8000"])
    editor.save(tmp_path / f"rat24{suffix}")
    found = open_skeleton(tmp_path / f"rat24{suffix}")
    assert found.keypoints[-1] == "TailTip"
    assert found.edges[-1] == (6, 23)
    assert found.colors[-1][:3] == pytest.approx((1.0, 128 / 255, 0.0), abs=1 / 250)


def test_what_does_not_fit_is_said(editor: SkeletonEditor) -> None:
    editor.bones.table.item(0, 0).setText("Nose")
    assert editor.trouble.text() == "bones: there is no keypoint 'Nose'"
    assert not editor.use_button.isEnabled()
    editor.bones.table.item(0, 0).setText("Snout")
    assert editor.use_button.isEnabled()
    editor.bones.table.item(0, 2).setText("reddish")
    assert editor.trouble.text().startswith("'reddish' is no colour")


def test_left_and_right_are_guessed(editor: SkeletonEditor) -> None:
    expected = set(load_skeleton("rat23").pairs)
    editor.pairs.fill([])
    assert editor.skeleton().pairs == ()
    editor.guess_button.click()
    assert set(editor.skeleton().pairs) == expected


def test_rows_move(editor: SkeletonEditor) -> None:
    editor.keypoints.table.setCurrentCell(1, 0)
    editor.keypoints.up_button.click()
    assert editor.skeleton().keypoints[:2] == ("EarL", "Snout")
    # bones follow the names
    first = editor.skeleton().edges[0]
    assert {editor.skeleton().keypoints[i] for i in first} == {"Snout", "EarL"}


def test_enter_does_not_close_it(editor: SkeletonEditor, qtbot: Any) -> None:
    editor.show()
    QTest.keyClick(editor, Qt.Key.Key_Return)
    assert editor.isVisible()
    with qtbot.waitSignal(editor.accepted_skeleton) as used:
        editor.use_button.click()
    assert used.args[0].name == "rat23"


def test_names_do_not_repeat(editor: SkeletonEditor) -> None:
    editor.bones.fill([])
    editor.pairs.fill([])
    editor.keypoints.table.item(0, 0).setText("EarL")
    assert "two keypoints are called 'EarL'" in editor.trouble.text()


def test_bones_and_pairs_follow_a_keypoint_that_gets_another_name(editor: SkeletonEditor) -> None:
    before = editor.skeleton()
    item = editor.keypoints.table.item(1, 0)
    assert item is not None
    item.setText("ear on the left")
    found = editor.skeleton()
    assert found.keypoints[1] == "ear on the left"
    assert (found.edges, found.pairs) == (before.edges, before.pairs)
    item.setText("Snout")  # a name that another has: nothing is thrown together
    assert "Snout" in editor.trouble.text()
    item.setText("EarL")
    assert editor.skeleton() == before
