"""Options of pages that tests write into TIFFs, and the size of their slide."""

TILED = {"tile": (64, 64), "photometric": "rgb", "compression": "zlib", "metadata": None}
STRIPPED = {**TILED, "tile": None}
REDUCED = {"subfiletype": 1}
SIZE = 480, 360
