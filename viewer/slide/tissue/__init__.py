"""What pixels alone say of a slide: tissue mask, stains, estimated pixel size."""
