"""DICOM whole-slide images that OpenSlide does not open, or would show in wrong colours."""
