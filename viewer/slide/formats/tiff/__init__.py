"""TIFF parsed and decoded straight from its own tile bytes."""
