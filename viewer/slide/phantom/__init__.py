"""The procedural H&E slide for the demo and for tests."""
