"""Networks and their weights in torch; independent of slides."""
