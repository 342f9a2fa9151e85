"""Qt parts independent of slides: threads, throttles, scroll areas, messages, theme."""
