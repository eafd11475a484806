"""`python -P -m stackyard.images.prometheus -- PROGRAM OPTION...`: the entrypoint."""

from __future__ import annotations

import sys

from stackyard.images import settings
from stackyard.images.prometheus.entrypoint import main

if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:], settings.process_environment()))
