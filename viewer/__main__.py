"""``python -m viewer`` is the same as the ``foveola`` command."""

import sys

from viewer.cli.main import main

sys.exit(main())
