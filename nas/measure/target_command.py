"""Measures latencies on another device with a user's command, one network at a time."""

import json
import shlex
import subprocess
from collections.abc import Mapping, Sequence
from typing import Any

from nas.errors import NasError
from nas.measure.measurements import check_measurements
from planner import LookupTable, Target, target_differences
from planner.target_difference import listed
from supernet.bar import Bar

MODEL = "{model}"


def measure_by_command(table: LookupTable, command: str) -> dict[str, Any]:
    """Run `command` once per entry; return the combined results, as in a measurements.json.

    `{model}` in the command is replaced by the entry's file in the kit, such as
    `models/w0.5-r24.onnx`. The command must print what the kit's measure.py prints for one model.
    Since the networks are not timed together, two are tied if their confidence intervals, widened
    by the noise floor, overlap.

    Raises:
        NasError: the command fails, prints anything else, or runs on several targets.
    """
    if MODEL not in command:
        raise NasError(
            f"the target command must contain {MODEL}, but got {command!r}; "
            "for example: ssh pi python3 measure.py {model}"
        )
    found = [_one(command, entry.config_id) for entry in Bar(table, "measure", unit="config")]
    targets = [each["target"] for each in found]
    for other in targets:
        if differences := target_differences(Target(**targets[0]), Target(**other)):
            raise NasError(
                "the target command must measure on one target, but the networks ran on several, "
                f"{targets[0]['device']} and another ({listed(differences)}); run it again"
            )
    noise_floor = max(each["protocol"]["noise_floor"] for each in found)
    latencies = {name: latency for each in found for name, latency in each["latencies"].items()}
    return {
        "weights_sha256": found[0]["weights_sha256"],
        "target": targets[0],
        "protocol": _protocol([each["protocol"] for each in found], command, noise_floor),
        "latencies": {
            name: latency | {"tied_with": _tied_with(name, latencies, noise_floor)}
            for name, latency in latencies.items()
        },
    }


def _one(command: str, config_id: str) -> dict[str, Any]:
    words = [word.replace(MODEL, f"models/{config_id}.onnx") for word in shlex.split(command)]
    try:
        done = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True)
        printed = json.loads(done.stdout)
    except (OSError, ValueError, subprocess.CalledProcessError) as error:
        reason = str(error).partition("\n")[0]
        raise NasError(
            f"the target command must print the measurements of {config_id}, but got: {reason}; "
            f"try it manually: {shlex.join(words)}"
        ) from error
    measurements = check_measurements(printed, f"the output of {words[0]} for {config_id}")
    if list(measurements["latencies"]) != [config_id]:
        raise NasError(
            f"the target command must measure {config_id}, "
            f"but measured {', '.join(measurements['latencies'])}; pass {MODEL} to measure.py"
        )
    return measurements


def _protocol(
    protocols: Sequence[Mapping[str, Any]], command: str, noise_floor: float
) -> dict[str, Any]:
    return {
        **protocols[0],
        "method": "one network at a time; interval from the order statistics of the rounds' "
        f"medians; by {command}",
        "num_samples": sum(each["num_samples"] for each in protocols),
        "num_rounds": min(each["num_rounds"] for each in protocols),
        "num_disturbed_rounds": sum(each["num_disturbed_rounds"] for each in protocols),
        "duration_s": round(sum(each["duration_s"] for each in protocols), 3),
        "slowdown": max(each["slowdown"] for each in protocols),
        "drift": max((each["drift"] for each in protocols), key=abs),
        "noise_floor": noise_floor,
        "is_noisy": any(each["is_noisy"] for each in protocols),
    }


def _tied_with(
    name: str, latencies: Mapping[str, Mapping[str, float]], noise_floor: float
) -> list[str]:
    own, wider = latencies[name], 1 + noise_floor
    return [
        other
        for other, latency in latencies.items()
        if other != name
        and latency["p50_low_ms"] <= own["p50_high_ms"] * wider
        and own["p50_low_ms"] <= latency["p50_high_ms"] * wider
    ]
