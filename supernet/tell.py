"""What people should know, on stderr and a line each."""

import os
import re
import sys

UNDECODED = re.compile("[\ud800-\udfff]")
"""What stands for bytes of a file's name that are no UTF-8; no text can be written with it."""
BREAKS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
"""Characters that end a line, or control a terminal."""


def to_stderr(line: str) -> None:
    """Print a line that people should see; of torchrun's processes, the first speaks for all."""
    if os.environ.get("RANK", "0") == "0":
        print(one_line(line), file=sys.stderr)


def readable(text: str) -> str:
    """Text that can be written anywhere: a byte that is no UTF-8 as `\\xe9`."""
    return text if text.isascii() else UNDECODED.sub(_escaped, text)  # quick for a million names


def one_line(text: str) -> str:
    """`readable` text in one line: what would break or control it is escaped, such as `\\n`."""
    return BREAKS.sub(_escaped, readable(text))


def _escaped(match: re.Match[str]) -> str:
    character = match[0]
    if "\udc80" <= character <= "\udcff":
        return f"\\x{ord(character) - 0xDC00:x}"
    return character.encode("unicode_escape").decode("ascii")
