"""What runs on the graphics card: drawing in ``gl``, computing in ``compute``. Never imports ``viewer``."""
