"""View, tiles and overlays to pixels, for the window and for snapshots; without Qt or torch."""
