"""``python -m einthoven`` is ``einthoven``."""

import sys

from einthoven.cli import main

sys.exit(main())
