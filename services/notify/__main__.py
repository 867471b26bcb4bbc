"""Serves notifications alone: `python -m services.notify`."""

import sys

from services.kernel.host import run
from services.notify import app

if __name__ == "__main__":
    sys.exit(run({app.NAME: app.build}))
