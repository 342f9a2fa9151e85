"""What this room says to the reader; ``{name}`` stands for a value. Most follow a file's name and a colon."""

from __future__ import annotations

# Why this reader; shown with the slide's facts.
DZI_REASON = "It is a DeepZoom description; the tiles are read from the folder beside it."
SZI_REASON = "It is an archive of a DeepZoom tree; the tiles are read from it."
ZOOMIFY_REASON = "It is a folder of Zoomify tiles, as its ImageProperties.xml says."
IIIF_REASON = "It is a folder of IIIF tiles (Image API {version}), as its info.json says."
GOOGLE_REASON = "It is a folder of tiles in folders of levels and of rows or columns."

DZI_FRACTION = "The size is stated as {wide} × {high} px; what lies beyond {width} × {height} is not shown."
LEVELS_MISSING = "{missing} of {expected} levels are missing from the folder of tiles."
ORDER_ASSUMED = "Whether the folders in a level are rows or columns cannot be told; they are taken for rows."
SIZE_NOT_STATED = "The files do not state the size of the picture; it ends with the last stored tile."

# Descriptions.
DESCRIPTION_UNREADABLE = "{file} cannot be read: {error}"
TOO_LARGE = "the description is larger than any of its kind"
DOCTYPE = "it declares a document type, which no description of tiles does; it is not read"
NOT_XML = "it is not valid XML: {error}"
NOT_JSON = "{file} is not valid JSON: {error}"
NUMBER = "{name} is {text!r}; it must be a whole number from {low} to {high:,}"
TILE_FORMAT = "tiles of format {ending!r} are not supported"
TILE_NOT_FOUND = "the tile {tile} is missing, or is none of {endings}"
DZI_FOLDER_MISSING = "its folder of tiles is missing: {folder} must lie beside it"
DZI_FINEST_MISSING = "the finest level is missing: there is no folder {folder}/{level}"
DZI_COLLECTION = "it describes a collection of DeepZoom images; open one of its images"
DZI_NO_IMAGE = "it does not describe a DeepZoom image: <Image> or <Size> is missing"
ZOOMIFY_NO_IMAGE = "ImageProperties.xml does not describe a Zoomify image: <IMAGE_PROPERTIES> is missing"
ZOOMIFY_TILE_COUNT = "ImageProperties.xml states {count:,} tiles, which no {width}×{height} px image has"
IIIF_NO_IMAGE = "info.json does not describe an image of IIIF Image API 2 or 3"
IIIF_NO_TILES = "info.json states no tiles of the full resolution; only an image server could make them"
GOOGLE_FINEST_MISSING = "the finest level is empty: there is no tile in folder {level}"
GOOGLE_TILE_SIZES = (
    "the sizes of its tiles at the border fit no picture that begins with whole tiles above and on the left"
)
NO_TREE = "this folder is no slide of tiles; choose a slide file inside it"

# Archives.
NOT_AN_ARCHIVE = "it is not a ZIP archive, or is damaged: {error}"
ARCHIVE_TOO_LARGE = "its directory is larger than that of any slide"
ARCHIVE_DAMAGED = "the archive is damaged: {error}"
SZI_NO_TREE = "the archive holds no DeepZoom description (.dzi)"

# Tiles.
TILE_MISSING = "{file}: the tile is missing, and the coarser level is not blank there"
TILE_UNREADABLE = "{file}: the tile cannot be read: {error}"
TILE_TOO_LARGE = "the file is larger than any tile"
TILE_SIZE = "it is {width}×{height} px, and must be {expected_width}×{expected_height}"
