"""What people should know, on stderr."""

import os
import sys


def to_stderr(line: str) -> None:
    """Print a line that people should see; of torchrun's processes, the first speaks for all."""
    if os.environ.get("RANK", "0") == "0":
        print(line, file=sys.stderr)
