"""Figures of how well lesions are found, each with its interval."""
