"""Serves social investigations alone: `python -m services.social_investigation`."""

import sys

from services.kernel.host import run
from services.social_investigation import app

if __name__ == "__main__":
    sys.exit(run({app.NAME: app.build}))
