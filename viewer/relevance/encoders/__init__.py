"""What an encoder is (card, protocols), which there are (registries), and those over networks."""
