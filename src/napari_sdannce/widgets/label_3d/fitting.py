"""Views that stay fitted to their canvas until a person moves them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari.components import ViewerModel


class Fitting:
    """Fits a view again whenever its canvas gets another size, unless somebody has moved it.

    Parameters
    ----------
    model
        Viewer.
    fit
        What fits it.
    """

    def __init__(self, model: ViewerModel, fit: Callable[[], object]) -> None:
        self._model = model
        self._fit = fit
        self._fitted: tuple[float, ...] = ()
        model.canvas.events.size.connect(self._on_size)

    def fit(self) -> None:
        """Fit the view now."""
        self._fit()
        self._fitted = self._state()

    def stop(self) -> None:
        """Follow the canvas no more."""
        self._model.canvas.events.size.disconnect(self._on_size)

    def _on_size(self, event: object = None) -> None:
        if self._fitted == self._state():
            self.fit()

    def _state(self) -> tuple[float, ...]:
        camera = self._model.scene.camera
        return (*camera.center, *camera.angles, camera.zoom)
