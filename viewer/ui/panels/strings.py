"""Texts of the panels about the slide; ``{name}`` stands for a value."""

from __future__ import annotations

# Shared by several panels.
SIZE_PX = "{width} × {height} px"
WARNING = "⚠ {text}"
NO_SLIDE = "No slide is open."

# Adjustments.
ADJUSTMENTS = "Adjustments"
SLIDERS = {"brightness": "Brightness", "contrast": "Contrast", "gamma": "Gamma"}
SLIDER_TIP = "{name} of the picture; double-click to reset it"
RESET = "Reset"
RESET_TIP = "Show the picture as it is stored"
COLOUR_PROFILE = "Colour profile (ICC)"
COLOUR_PROFILE_TIP = "Correct colours by the slide's own profile"
NO_COLOUR_PROFILE = "This slide has no ICC profile, so its colours are shown as stored"

# Label and macro images.
ASSOCIATED_IMAGES = "Label and macro images"
CAUTION_NAME = "Caution"
CAUTION = (
    "Label and macro images often carry patient names, numbers or dates. "
    "Show them only where nobody else can see or record this screen."
)
IMAGE_NAME = "Image"
IMAGE_LIST = "Images in the file"
SHOW_IMAGE = "Show"
SHOW_IMAGE_TIP = "Decode the chosen image and show it"
NOTHING_SHOWN = "Nothing is shown yet. Choose an image, then “Show”."
IMAGE_UNREADABLE = "“{name}” cannot be shown: {reason}"

# Images of a file that holds several.
FILE_IMAGES = "Images in this file"
FILE_IMAGES_DESCRIPTION = "Arrow keys move through the list, Enter opens an image."
NUMBERED_IMAGE = "Image {number}: {image}"
IMAGE_SHOWN = "{image} (shown)"
OPEN_IMAGE = "&Open"
OPEN_IMAGE_TIP = "Open the chosen image in place of the one that is shown"

# Go to.
GO_TO = "Go to"
PLACE_NAME = "Place"
PLACE_LABEL = "&Place (x, y and, if you like, a magnification):"
PLACE_TIP = "x, y and a magnification if you like: 12000, 8000 20x"
PLACE_PROBLEM = "What is wrong with the place"
UNIT_LABEL = "Numbers are"
PIXELS = "pi&xels"
PIXELS_TIP = "Numbers are pixels of the full-resolution image"
MICROMETRES = "&micrometres"
MICROMETRES_TIP = "Numbers are micrometres from the slide's top left corner"
NO_PIXEL_SIZE = "This slide does not state its pixel size; set it to use micrometres"
GO = "Go"

# Navigator.
NAVIGATOR = "Navigator"
NAVIGATOR_DESCRIPTION = (
    "The whole slide with the field of view outlined. Click or drag to move the field; arrow keys pan; "
    "the wheel, plus and minus zoom."
)
NAVIGATOR_TIP = "Click or drag to move the field; the wheel zooms"
READING_OVERVIEW = "Reading the overview…"
NO_OVERVIEW = "No overview: {reason}"
OVERVIEW_UNREADABLE = "the overview cannot be read: {error}"

# Pixel size. The second text is completed by what needs the size.
PIXEL_SIZE = "Set pixel size"
WHY_PIXEL_SIZE = (
    "This file does not state its pixel size. What you enter here makes lengths, magnifications and "
    "the scale bar possible, and they are only as accurate as it is. It is not written into the file."
)
WHY_PIXEL_SIZE_NOW = (
    "This file does not state its pixel size. {needed_by} What you enter here is not written into the file."
)
WHY_OTHER_PIXEL_SIZE = (
    "This file states {stated}. What you enter here is used instead, and the window says so. "
    "It is not written into the file."
)
SEARCH_NEEDS_PIXEL_SIZE = "A search needs it, because cells are told apart by their size."
ATTENTION_NEEDS_PIXEL_SIZE = (
    "Attention needs it, because regions, patches and tokens are squares of a fixed size in µm, and a model "
    "is trained on pixels of one size."
)
MAP_NEEDS_PIXEL_SIZE = "A map needs it, because it is laid over the slide in patches of 128 µm."
PIXEL_WIDTH_NAME = "Pixel width"
PIXEL_HEIGHT_NAME = "Pixel height"
PIXEL_SIDE_TIP = "{name} in micrometres, at full resolution"
PIXEL_SIDE_UNKNOWN = "not known"
WIDTH_LABEL = "&Width"
HEIGHT_LABEL = "&Height"
MAGNIFICATION_LABEL = "Magnification at 1:1"
SQUARE_PIXELS = "Pixels are square"
SQUARE_PIXELS_TIP = "Height equals width, as on nearly every scanner"
ESTIMATE_NAME = "Estimated pixel size"
ESTIMATING = "Estimating from the tissue…"
ESTIMATE = "Estimate: ≈ {mpp_um:.2g} µm, between {low_um:.2g} and {high_um:.2g}: {reason}"
NO_ESTIMATE = "No estimate: {reason}"
USE_ESTIMATE = "Use the &estimate"
SCANNED_AT = "Scanned &at"
SCANNED_AT_NAME = "Objective of the scan"
SCANNED_AT_TIP = "Enter the size that pixels have by convention: 10 µm over the objective, 0.25 µm at 40x"
OBJECTIVE_UNKNOWN = "–"
FORGET_SIZE = "&Forget the entered size"
FORGET_SIZE_TIP = "Go back to the size that the file states, or to none"
SIZE_KEPT = "{size} is kept with this slide."
OFFER_SIZE = "Use it for {count} other slides of this list?"
OFFER_SIZE_ONE = "Use it for one other slide of this list?"
USE_FOR_OTHERS = "Use for the others"
GIVEN_TO_OTHERS = "{size} is now used for {used} of {count} other slides."
STATE_THEIR_OWN = "{count} state their own or have one."
NOT_OPENED = "{count} could not be opened."
NOT_KEPT = "{size} is used, but it could not be kept with this slide: {reason}"
USE_ESTIMATE_TIP = "Enter the estimated size; everything measured with it is marked as an estimate"

# Properties: sections and lines.
SLIDE_SECTION = "Slide"
LEVELS_SECTION = "Levels"
FILE_SECTION = "Properties in the file"
FACT_FILE = "File"
FACT_FOLDER = "Folder"
FACT_FORMAT = "Format"
FACT_READER = "Read by"
FACT_SIZE = "Size"
FACT_PIXEL_SIZE = "Pixel size"
FACT_EXTENT = "Extent"
FACT_OBJECTIVE = "Objective"
FACT_COLOUR_PROFILE = "Colour profile"
FACT_PLANES = "Planes"
FACT_IMAGE = "Image {number}"
FACT_LEVEL = "Level {index}"
NOT_STATED = "not stated"
PROFILE_IN_FILE = "ICC profile in the file"
PROFILE_NONE = "none"
PLANES = "{count}; the first is shown"
LEVEL = "{size}, 1/{downsample:.4g}, tiles {tile_width} × {tile_height}"
LEVEL_MADE = "{level}, made by Foveola"
IMAGE_HIDDEN = "hidden"
PIXEL_SIZE_NOT_STATED = "not stated by the file"
PIXEL_SIZE_ESTIMATED = "{size} (estimated from the slide itself)"
PIXEL_SIZE_ENTERED = "{size} (entered by the reader)"
PIXEL_SIZE_ORIGIN = "{size} ({origin})"

# Properties: the panel.
PROPERTIES = "Properties"
NOTES_NAME = "Notes about this slide"
FILTER_PROPERTIES = "Filter properties"
FILTER_PROPERTIES_TIP = "Show only lines that contain this text"
PROPERTIES_NAME = "Properties of the slide"
PROPERTY_COLUMNS = ("Property", "Value")
OPEN_ASSOCIATED_IMAGES = "Label and macro images…"
OPEN_ASSOCIATED_IMAGES_TIP = "Hidden until you open them: they often carry patient names and numbers"
COPY = "Copy"
COPY_ALL = "Copy all"

# Lists of slides.
SLIDES = "Slides"
SLIDE_LIST = "Slides of the folder"
SLIDE_LIST_DESCRIPTION = "Arrow keys move through the list, Enter opens a slide."
NO_FOLDER = "No folder is open"
FOLDER_HEADING = "{folder}: {count}"
ONE_SLIDE = "1 slide"
SLIDE_COUNT = "{count} slides"
NO_SLIDES = "no slides"
CHOSEN_SLIDE, CHOSEN_SLIDES = "1 chosen slide", "{count} chosen slides"
TILE_FOLDER = "folder of tiles"
EMPTY_FOLDER = "there is no slide in this folder"
FOLDER_UNREADABLE = "the folder cannot be listed: {reason}"
FILE_GONE = "not there any more"
NO_THUMBNAIL = "no picture: {error}"
