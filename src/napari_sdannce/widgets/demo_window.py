"""The demo's window: the sample in napari, the prediction running beside it, then its error."""

from __future__ import annotations

import json
import sys
import time
from typing import TYPE_CHECKING, Any

import napari
from qtpy.QtCore import QProcess, Qt, Signal
from qtpy.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QHeaderView,
    QLabel,
    QProgressBar,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from napari_sdannce.demo_data import Summary, in_words, read_summary
from napari_sdannce.widgets import napari_adapter
from napari_sdannce.widgets.opening import FoundFile, Kind

if TYPE_CHECKING:
    from pathlib import Path

    from napari_sdannce.widgets.recording_panel import RecordingPanel

TASKS = {"find animals": "Finding the animals", "find keypoints": "Finding their keypoints"}
"""What the events of the prediction call their work, in words for people."""


class DemoPanel(QWidget):
    """Runs the prediction of the sample in a process of its own and shows how good it is.

    Parameters
    ----------
    panel
        The panel "Recording", which shows the sample.
    out
        Folder for the results.
    """

    finished = Signal(bool)

    def __init__(self, panel: RecordingPanel, out: Path, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._panel = panel
        self._out = out
        self._process: QProcess | None = None
        self._rest = b""
        self._trouble = ""
        self.text = QLabel("The networks are being loaded …")
        self.text.setWordWrap(True)
        self.text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.bar = QProgressBar()
        self.table = QTableWidget(0, 2)
        self.table.setHorizontalHeaderLabels(["Keypoint", "Mean error, mm"])
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        header, rows = self.table.horizontalHeader(), self.table.verticalHeader()
        assert header is not None
        assert rows is not None
        header.setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        rows.setVisible(False)
        self.table.setVisible(False)
        layout = QVBoxLayout(self)
        layout.addWidget(self.text)
        layout.addWidget(self.bar)
        layout.addWidget(self.table, stretch=1)
        layout.addStretch()

    def start(self, arguments: list[str]) -> None:
        """Start the prediction: Python with these arguments."""
        process = QProcess(self)
        process.readyReadStandardOutput.connect(self._read)
        process.finished.connect(self._on_finished)
        self._process = process
        application = QApplication.instance()
        assert application is not None
        application.aboutToQuit.connect(self.stop)
        process.start(sys.executable, arguments)

    def stop(self) -> None:
        """End the prediction, when it is still running."""
        process, self._process = self._process, None
        if process is not None and process.state() != QProcess.ProcessState.NotRunning:
            process.finished.disconnect(self._on_finished)
            process.kill()
            process.waitForFinished(3000)

    def show_result(self, summary: Summary) -> None:
        """Show the error against the truth and the poses over the cameras."""
        self.bar.setVisible(False)
        self.text.setText(
            f"{in_words(summary)}\n\nThe recording is synthetic, so the truth is known. "
            f"Everything was written to {self._out}."
        )
        self._fill(summary)
        self._panel.show_file(FoundFile(self._out / "poses.zarr", Kind.POSES))

    def _fill(self, summary: Summary) -> None:
        known = [(n, e) for n, e in summary.error_per_keypoint_mm.items() if e is not None]
        ranked = sorted(known, key=lambda item: item[1])
        self.table.setRowCount(len(ranked))
        for row, (name, error) in enumerate(ranked):
            number = QTableWidgetItem(f"{error:.1f}")
            number.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            self.table.setItem(row, 0, QTableWidgetItem(name))
            self.table.setItem(row, 1, number)
        self.table.setVisible(True)

    def _read(self) -> None:
        if self._process is None:
            return
        self._rest += bytes(self._process.readAllStandardOutput().data())
        *lines, self._rest = self._rest.split(b"\n")
        for line in lines:
            try:
                event = json.loads(line)
            except json.JSONDecodeError:
                continue  # something else that a library printed
            if isinstance(event, dict):
                self._on_event(event)

    def _on_event(self, event: dict[str, Any]) -> None:
        if event.get("event") == "progress":
            task = str(event.get("task"))
            self.text.setText(f"{TASKS.get(task, task)} in every frame …")
            self.bar.setMaximum(int(event["total"]))
            self.bar.setValue(int(event["done"]))
        elif event.get("event") == "failed":
            self._trouble = str(event.get("text"))

    def _on_finished(self, code: int) -> None:
        self._read()
        process, self._process = self._process, None
        if code == 0:
            self.show_result(read_summary(self._out))
        elif process is not None:
            said = bytes(process.readAllStandardError().data()).decode(errors="replace").strip()
            self.bar.setVisible(False)
            reason = self._trouble or (said.splitlines() or ["no reason given"])[-1]
            self.text.setText(f"The prediction could not be made: {reason}")
        self.finished.emit(code == 0)


def open_demo(recording_folder: Path, out: Path, arguments: list[str]) -> None:
    """Open the demo's window; returns when it is closed."""
    viewer = napari.Viewer(title="napari-sdannce demo")
    build(viewer, recording_folder, out, arguments)
    napari.run()


def build(
    viewer: napari.Viewer, recording_folder: Path, out: Path, arguments: list[str]
) -> DemoPanel:
    """Put the panels of the demo into a viewer and start."""
    panel = napari_adapter.open_panel(viewer)
    demo = DemoPanel(panel, out)
    napari_adapter.dock(viewer, demo, "Demo", tabify=True)
    panel.opened.connect(lambda: demo.start(arguments))
    panel.open(recording_folder)
    return demo


def photograph(recording_folder: Path, out: Path, path: Path, *, seconds: float = 60.0) -> None:
    """Show a finished result in a window, save a picture of the window, and close it."""
    viewer = napari.Viewer(title="napari-sdannce demo")
    napari_adapter.resize(viewer, 1600, 1000)
    panel = napari_adapter.open_panel(viewer)
    demo = DemoPanel(panel, out)
    napari_adapter.dock(viewer, demo, "Demo", tabify=True)
    panel.open(recording_folder)
    _wait_until(lambda: panel.shown is not None, seconds)
    demo.show_result(read_summary(out))
    _wait_until(lambda: bool(panel.files), seconds)
    moments = panel.shown.drawn[0].marks.moments()
    panel.shown.go_to(int(moments[len(moments) // 2]))
    for _ in range(20):
        _wait_until(lambda: False, 0.05)
    viewer.screenshot(str(path), canvas_only=False, flash=False)
    viewer.close()


def _wait_until(true: Any, seconds: float) -> None:
    """Let Qt work until something is true, or the time is up."""
    end = time.monotonic() + seconds
    while not true() and time.monotonic() < end:
        QApplication.processEvents()
