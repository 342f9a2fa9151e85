"""One reader's reading of one case: opinions, answers to findings, discordances, signature."""
