"""Runs the command line: `python -m tinyflux`."""

import sys

from tinyflux.cli import main

sys.exit(main())
