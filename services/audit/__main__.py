"""Serves audit alone: `python -m services.audit`."""

import sys

from services.audit import app
from services.builders import DECIDERS, EVENTS
from services.kernel.host import run

if __name__ == "__main__":
    sys.exit(run({app.NAME: app.builder(DECIDERS, EVENTS)}))
