"""Serves the services that are named, in one process: `python -m tests.fault.some_services intake social_investigation`."""

import sys

from services.builders import BUILDERS
from services.kernel import host

if __name__ == "__main__":
    sys.exit(host.run({name: BUILDERS[name] for name in sys.argv[1:]}))
