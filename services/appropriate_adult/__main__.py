"""Serves appropriate adults alone: `python -m services.appropriate_adult`."""

import sys

from services.appropriate_adult import app
from services.kernel.host import run

if __name__ == "__main__":
    sys.exit(run({app.NAME: app.build}))
