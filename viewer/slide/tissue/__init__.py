"""What is measured on a slide's pixels alone: tissue mask, stains, estimated pixel size."""
