import pytest

from nas.progress_bar import share_bar


def test_the_bar_shows_the_share_and_what_is_done(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("supernet.bar.LINE_EVERY_S", 0.0)
    with share_bar("after_pause") as show:
        for step in range(1, 5):
            show(step / 4)
    shown = capsys.readouterr().err
    assert "after_pause" in shown
    assert "100%" in shown
