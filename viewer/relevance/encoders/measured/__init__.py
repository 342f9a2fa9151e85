"""Encoders without weights: measurements, concepts, saliency."""
