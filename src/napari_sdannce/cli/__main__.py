"""``python -m napari_sdannce.cli``, as ``torchrun`` starts it."""

from napari_sdannce.cli import main

main()
