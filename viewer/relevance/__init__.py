"""What matters on a slide: queries, encoders, features, attention, and the analysis that joins them."""
