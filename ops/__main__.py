"""The process: `ops`, or `python -m ops`."""

import io
import sys

from ops.cli.root import ops


def main() -> None:
    """Run the command line. What a narrow terminal encoding cannot show is spelled out rather than fatal."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    ops()


if __name__ == "__main__":
    main()
