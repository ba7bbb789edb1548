"""The command is another process; one without torch is tried in test_kit.py."""

import json
import shlex
import sys
from pathlib import Path
from typing import Any

import pytest

from nas.errors import NasError
from nas.measure.__main__ import main
from nas.measure.target_command import measure_by_command
from planner import LookupTable

DEVICE = """
import json, sys
name = sys.argv[1].removeprefix("models/").removesuffix(".onnx")
found = json.load(open(sys.argv[2]))
found["latencies"] = {name: found["latencies"][name]}
found["target"]["observed"] = {"cpu_mhz": len(name)}  # clocks change from one run to the next
if name == found.pop("elsewhere", None):
    found["target"]["device"] = "another"
print(json.dumps(found))
"""


def latency(p50_ms: float) -> dict[str, Any]:
    names = ("p50_ms", "p90_ms", "p99_ms", "p50_low_ms", "p50_high_ms")
    shared: dict[str, Any] = dict.fromkeys(names, p50_ms)
    return shared | {"num_samples": 50, "tied_with": []}


@pytest.fixture
def answer(table: LookupTable) -> dict[str, Any]:
    """What the device knows of both networks."""
    target = {name: v for name, v in table.target.to_json().items() if name != "fingerprint"}
    protocol = {"noise_floor": 0.02, "num_rounds": 9, "num_samples": 50, "warmup": 6}
    more = {"num_disturbed_rounds": 1, "duration_s": 2.0, "drift": 0.01, "is_noisy": False}
    more["slowdown"] = 0.05
    return {
        "weights_sha256": table.supernet["weights_sha256"],
        "target": target | {"device": "a phone"},
        "protocol": protocol | more,
        "latencies": {"w0.5-r8": latency(9.0), "w1-r8": latency(8.0)},
    }


def command(folder: Path, answer: dict[str, Any]) -> str:
    (folder / "answer.json").write_text(json.dumps(answer))
    (folder / "device.py").write_text(DEVICE)
    words = [sys.executable, str(folder / "device.py"), "{model}", str(folder / "answer.json")]
    return shlex.join(words).replace("'{model}'", "{model}")


def test_each_network_is_measured_by_its_own_run(
    table: LookupTable, answer: dict[str, Any], tmp_path: Path
) -> None:
    table.write(tmp_path / "table.json")
    out = tmp_path / "phone.json"
    options = ["--target-command", command(tmp_path, answer), "--out", str(out)]
    assert main([str(tmp_path / "table.json"), *options]) == 0
    result = LookupTable.read(out)
    assert result.target.device == "a phone"
    assert {e.config_id: e.latency.p50_ms for e in result} == {"w1-r8": 8.0, "w0.5-r8": 9.0}
    assert result.protocol["num_samples"] == 100
    assert result.protocol["num_disturbed_rounds"] == 2
    assert result.protocol["slowdown"] == 0.05


def test_networks_are_tied_where_their_widened_intervals_overlap(
    table: LookupTable, answer: dict[str, Any], tmp_path: Path
) -> None:
    apart = measure_by_command(table, command(tmp_path, answer))["latencies"]
    assert apart["w1-r8"]["tied_with"] == []
    answer["latencies"]["w1-r8"] = latency(8.9)
    close = measure_by_command(table, command(tmp_path, answer))["latencies"]
    assert close["w1-r8"]["tied_with"] == ["w0.5-r8"]


def test_conditions_that_the_device_measured_come_along(
    table: LookupTable,
    answer: dict[str, Any],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The command is then: ssh pi python3 measure.py {model} --conditions after_pause."""
    names = ("p50_ms", "p90_ms", "p99_ms", "p50_low_ms", "p50_high_ms")
    for found in answer["latencies"].values():
        found["conditions"] = {
            "after_pause": {**dict.fromkeys(names, 20.0), "p99_ms": 40.0, "num_samples": 20}
        }
    answer["protocol"]["conditions"] = {"after_pause": {"pauses_ms": [1000]}}
    table.write(tmp_path / "table.json")
    out = tmp_path / "phone.json"
    options = ["--target-command", command(tmp_path, answer), "--out", str(out)]
    assert main([str(tmp_path / "table.json"), *options]) == 0
    assert "after_pause  p50 2.22 to 2.5, p99 4.44 to 5 times the" in capsys.readouterr().out
    found = LookupTable.read(out)
    assert found.conditions == ("steady", "after_pause")
    assert found.under("after_pause").entries[0].latency.p50_ms == 20.0
    assert found.protocol["conditions"]["after_pause"] == {"pauses_ms": [1000]}


def test_networks_of_two_devices_are_never_one_table(
    table: LookupTable, answer: dict[str, Any], tmp_path: Path
) -> None:
    answer["elsewhere"] = "w1-r8"
    with pytest.raises(
        NasError, match=r"must measure on one target.* \(device: a phone -> another\)"
    ):
        measure_by_command(table, command(tmp_path, answer))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("true", "must contain {model}, but got 'true'"),
        ("no-such-program {model}", "must print the measurements of w0.5-r8, but got"),
        ("false {model}", "must print the measurements of w0.5-r8, but got"),
        ("echo {model}", "must print the measurements of w0.5-r8, but got"),
        ("echo 1", "must contain {model}"),
        ("sh -c 'echo 1' {model}", "lacks its fields"),
    ],
)
def test_a_command_that_does_not_measure_is_one_clear_line(
    table: LookupTable, words: str, message: str
) -> None:
    with pytest.raises(NasError) as error:
        measure_by_command(table, words)
    assert message in str(error.value)
    assert "\n" not in str(error.value)
