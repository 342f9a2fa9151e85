"""What is drawn over a slide, as data: layers, looks, colour maps, shapes."""
