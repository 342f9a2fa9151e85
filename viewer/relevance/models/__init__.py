"""Networks and their weights in torch; they know no slide."""
