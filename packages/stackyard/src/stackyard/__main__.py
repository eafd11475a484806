"""`python -m stackyard` is `yard`."""

from stackyard.cli.main import main

if __name__ == "__main__":
    raise SystemExit(main())
