import subprocess

import pytest

from nas.meter.gpu import gpu_facts, sorted_facts, throttle_reasons


def test_settings_identify_and_the_state_is_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    def older(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        """A driver that has the older name of the reasons alone."""
        query = next(word for word in command if word.startswith("--query-gpu="))
        if "clocks_event_reasons" in query:
            raise subprocess.CalledProcessError(2, command)
        facts = "550.54.15, 1980, 2619, 700.00, 345, 2619, 31\n"
        answer = "0x0000000000000025\n" if "reasons" in query else facts
        return subprocess.CompletedProcess(command, 0, stdout=answer)

    monkeypatch.setattr(subprocess, "run", older)
    assert gpu_facts("ab") == (
        {
            "gpu_driver_major": "550",
            "gpu_max_clock_mhz": "1980",
            "gpu_max_memory_clock_mhz": "2619",
            "gpu_power_limit_w": "700.00",
        },
        {
            "gpu_driver": "550.54.15",
            "gpu_clock_mhz": "345",
            "gpu_memory_clock_mhz": "2619",
            "gpu_temperature_c": "31",
            "gpu_throttle_reasons": "power cap, thermal",
        },
    )


def test_what_the_driver_does_not_know_is_left_out() -> None:
    details, observed = sorted_facts("550.54.15, [N/A], [N/A], [Not Supported], 345, , 31")
    assert details == {"gpu_driver_major": "550"}
    assert set(observed) == {"gpu_driver", "gpu_clock_mhz", "gpu_temperature_c"}


@pytest.mark.parametrize("error", [FileNotFoundError(), subprocess.CalledProcessError(6, "x")])
def test_without_an_answer_nothing_is_known(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(subprocess, "run", fails)
    assert gpu_facts("ab") == ({}, {})
    assert sorted_facts("No devices were found") == ({}, {})


@pytest.mark.parametrize(
    ("bits", "words"),
    [
        ("0x0000000000000000", "none"),
        ("0x0000000000000001", "none"),
        ("0x0000000000000048", "hardware slowdown, hardware thermal"),
        ("0x0000000000001004", "power cap, 0x1000"),
    ],
)
def test_the_reasons_for_low_clocks_have_words(bits: str, words: str) -> None:
    assert throttle_reasons(bits) == words
