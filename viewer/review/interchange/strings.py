"""Sentences about findings to and from other programs."""

from __future__ import annotations

FILE = "{path}: {reason}"
UNKNOWN_FORMAT = (
    "no format of findings ends so; name the file *.geojson (QuPath) or *.xml (ASAP), or give --format"
)
TOO_MANY = "it has more than {most:,} shapes, the most that a reading takes; export fewer of them"
NO_SHAPES = "it has no shape that can be taken over"
NOT_XML = "this is no XML that can be read ({reason}); export it again"
NOT_ASAP = "this is no file of annotations by ASAP; its first element should be ASAP_Annotations"
ENTITIES = "it declares a document type or entities, which annotations do not need; it is not read"
TOO_LARGE = "it is larger than {most_mb} MB; export fewer annotations"
BAD_SHAPE = "shape {number} is damaged or has no place ({reason}); nothing was taken over"
OUTSIDE = (
    "shape {number} reaches x {x:.1f}, y {y:.1f}, outside the slide of {width} × {height} px; "
    "coordinates must be pixels of level 0, not micrometres or those of a lower level; nothing was taken over"
)
OTHER_SLIDE = "it belongs to another slide (content {other:.12}, not {slide:.12}); nothing was taken over"
NO_LABEL = "unnamed"
HOLE = (
    "shape {number} has a hole, which a finding cannot hold; fill it and export again; nothing was taken over"
)
TOO_MANY_CORNERS = "its shapes have more than {most:,} corners; simplify them and export again"
