"""What this room says to the reader; ``{name}`` stands for a value. Most follow a file's name and a colon."""

from __future__ import annotations

# Why no reader opens a file: how each tried, and what it found.
CANNOT_OPEN = "it cannot be opened ({reasons})"
ATTEMPT = "{attempt}: {reason}"
AS_TILE_TREE = "as a tree of tiles"
AS_TIFF = "as TIFF"
AS_DICOM = "as DICOM"
WITH_OPENSLIDE = "with OpenSlide"
AS_IMAGE = "as an image"
LOCAL_ONLY = "local files only"
ONE_IMAGE = "only the slide itself, no other image of the file"
NO_PYRAMID = "its levels make no pyramid: {error}"

# OpenSlide.
OPENSLIDE_REASON = "OpenSlide supports the {format} layout."
OPENSLIDE_REASON_REFUSED = "OpenSlide supports the {format} layout ({refusals})."
OPENSLIDE_UNKNOWN_FORMAT = "it does not support this format"
OPENSLIDE_BROKEN_TIFF = "a broken TIFF is not passed to it"
OPENSLIDE_DICOM = "a DICOM that Foveola's own reader refuses is not passed to it"
OPENSLIDE_MANY_IMAGES = "a TIFF of more than {count} images is not passed to it"
OPENSLIDE_TILES = "tiles of {width}×{height} px, {size} bytes, are not passed to it"
OPENSLIDE_NO_LEVEL = "it finds no level in the file"
OPENSLIDE_NO_TILE = "it opens the file, but no tile of it: {reason}"
OPENSLIDE_LEVEL_SIDE = "a level claims a side of more than {most} px"
OPENSLIDE_UNREADABLE = "{path}: OpenSlide cannot read level {level} at {location}: {error}"
OPENSLIDE_REOPEN = "{path}: OpenSlide can no longer open it: {error}"
ASSOCIATED_SIZE = "the {name} image claims {width}×{height} px, more than is reasonable"
ASSOCIATED_UNREADABLE = "the {name} image cannot be read: {error}"
ICC_SIZE = "the ICC profile claims {size} bytes, more than is reasonable"
ICC_UNREADABLE = "the ICC profile cannot be read: {error}"
UNCORRECTED_COLOURS = "Colours are shown uncorrected: {reason}."

# Plain images.
IMAGE_REASON = "It is a plain image without tiles, so it is decoded at once."
IMAGE_TOO_LARGE = (
    "an image of {width:,}×{height:,} px without tiles is too large to decode at once "
    "(the limit is {most:,} px); convert it to a tiled pyramidal TIFF"
)
WEBP_TOO_LARGE = "a WebP image of {width:,}×{height:,} px is too large to decode at once"
IMAGE_OTHER_FORMAT = "it is none of {formats}"
IMAGE_HEADER_DAMAGED = "it begins like {format}, but is damaged or cut short"
IMAGE_DAMAGED = "the image is damaged or cut short: {error}"
ICC_LARGER_THAN = "the colour profile is larger than {most_mib} MiB"
PILLOW_WARNING = "Pillow reports: {warning}."
EXIF_DAMAGED = "The camera's notes in the file (EXIF) are damaged; the picture may lie on its side."
FIRST_PICTURE_SHOWN = "The file holds several pictures; the first is shown."
SHOWN_IN_8_BITS = "Samples of 16 bits are shown in 8."
DEEP_SAMPLES = "Samples of more than 8 bits are shown in 8: {white} and above is white."
REAL_SAMPLES = "Real-valued samples are shown in 8 bits: {low:g} black, {high:g} white."
PRINTING_COLOURS = "The image is in printing colours (CMYK); they are converted without its profile."
