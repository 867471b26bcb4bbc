"""Serves intake alone: `python -m services.intake`."""

import sys

from services.intake import app
from services.kernel.host import run

if __name__ == "__main__":
    sys.exit(run({app.NAME: app.build}))
