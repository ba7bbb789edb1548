"""The command `mutualnas explorer` or `python -m app`: serve the explorer with Streamlit."""

import sys
from collections.abc import Sequence
from pathlib import Path

from streamlit.web.cli import main_run

HELP = """usage: mutualnas explorer [RUN | TABLE | BOOK ...] [--server.port PORT ...]

Show runs, lookup tables and books in the browser, or an example if none is given. Accepts the
options of Streamlit, which python -m streamlit run --help lists.

examples:
  mutualnas explorer runs/default
  mutualnas explorer phone.json server.json --server.port 8600 --server.headless true
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until stopped; raises SystemExit, with code 2 for an option unknown to Streamlit."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if "-h" in arguments or "--help" in arguments:
        print(HELP, end="")
        return 0
    page = Path(__file__).with_name("serving.py")
    main_run.main([str(page), *arguments], prog_name="mutualnas explorer")
    return 0


if __name__ == "__main__":
    sys.exit(main())
