"""The command line. What a command needs is imported when that command runs."""

import sys


def main() -> None:
    """Run the command that the process was started with, and end with its exit code."""
    from keyturn.cli.root import run

    sys.exit(run(sys.argv[1:]))
