"""Trees of tile files, in a folder or an archive: DeepZoom, Zoomify, IIIF and Google Maps."""
