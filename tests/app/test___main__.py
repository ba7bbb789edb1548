"""The explorer's command hands the page and the words to Streamlit."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from app.__main__ import main

ROOT = Path(__file__).parents[2]

# All that Streamlit does before it serves.
START = """
import json, sys
from unittest import mock
from streamlit import config
from app.__main__ import main
with mock.patch("streamlit.web.bootstrap.run_asgi_app") as run:
    try:
        main()
    finally:
        names = ("theme.light.primaryColor", "server.showEmailPrompt", "server.port")
        options = [*names, "server.address"]
        print(json.dumps([*run.call_args.args[::2], *map(config.get_option, options)]))
"""


def test_help_needs_no_server(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    assert "\n  mutualnas explorer runs/default\n" in capsys.readouterr().out


def test_the_page_starts_with_our_theme_and_the_options_given(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", START, "runs/a", "--server.port", "8600", "b.json"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    page, words, colour, asks_for_email, port, address = json.loads(done.stdout)
    assert Path(page) == ROOT / "app" / "serving.py"
    assert words == ["runs/a", "b.json"]
    assert colour == "#0072B2"
    assert asks_for_email is False
    assert port == 8600
    assert address == "127.0.0.1"  # else anyone on the network can download the artifacts


def test_an_option_that_streamlit_does_not_know_is_refused(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["--server.prot", "8600"])
    assert stop.value.code == 2
    assert "--server.prot" in capsys.readouterr().err
