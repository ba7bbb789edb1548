import argparse
from typing import Any

import pytest

from supernet.named_value import named_value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("small_input=true", True),
        ("depth=20", 20),
        ("sizes=[1, 2]", [1, 2]),
        ("stem=deep", "deep"),
        ("path=a=b", "a=b"),
    ],
)
def test_values_are_json_or_text(text: str, value: Any) -> None:
    assert named_value(text) == (text.partition("=")[0], value)


def test_what_has_no_equals_sign_is_refused() -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="must read name=value, but got 'depth'"):
        named_value("depth")
