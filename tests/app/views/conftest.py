"""A page as Streamlit's AppTest runs it, without a browser."""

from collections.abc import Callable
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest


def draw(page: str, sources: dict[str, object]) -> None:
    import importlib

    importlib.import_module(f"app.views.{page}").show(sources)


@pytest.fixture
def open_page() -> Callable[..., AppTest]:
    def opened(page: str, sources: dict[str, Any], **session_state: Any) -> AppTest:
        test = AppTest.from_function(draw, default_timeout=30, args=(page, sources))
        for name, value in session_state.items():
            test.session_state[name] = value
        test.run()
        assert not test.exception
        return test

    return opened
