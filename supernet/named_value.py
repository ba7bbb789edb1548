"""`NAME=VALUE` on a command line."""

import argparse
import json
from typing import Any


def named_value(text: str) -> tuple[str, Any]:
    """`small_input=true` -> ("small_input", True); a value that is not JSON is a string.

    Raises ArgumentTypeError where there is no `=`.
    """
    key, separator, value = text.partition("=")
    if not separator:
        raise argparse.ArgumentTypeError(f"must read name=value, but got {text!r}")
    try:
        return key, json.loads(value)
    except ValueError:
        return key, value
