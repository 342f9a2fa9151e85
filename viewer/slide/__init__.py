"""What a slide is: geometry, facts, the Source protocol, regions of pixels. Opens nothing."""
