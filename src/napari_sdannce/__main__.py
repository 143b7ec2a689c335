"""``python -m napari_sdannce``: the same as ``sdannce``."""

from napari_sdannce.cli import main

if __name__ == "__main__":
    main()
