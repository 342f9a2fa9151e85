"""Qt parts that know nothing of slides: threads, throttles, scroll areas, messages, theme."""
