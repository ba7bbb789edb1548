"""What NVIDIA's driver tells about a GPU, by `nvidia-smi`, which comes with the driver.

Standard library only, as all of the meter. PyTorch knows neither driver nor clocks by itself.
"""

import subprocess

# Observation or detail -> the field of `nvidia-smi --query-gpu`.
FIELDS = {
    "gpu_driver": "driver_version",
    "gpu_max_clock_mhz": "clocks.max.sm",
    "gpu_max_memory_clock_mhz": "clocks.max.mem",
    "gpu_power_limit_w": "power.limit",
    "gpu_clock_mhz": "clocks.sm",
    "gpu_memory_clock_mhz": "clocks.mem",
    "gpu_temperature_c": "temperature.gpu",
}
IDENTIFYING = ("gpu_max_clock_mhz", "gpu_max_memory_clock_mhz", "gpu_power_limit_w")
"""Settings, like a CPU's governor; of the driver, the first number identifies."""

REASONS = "clocks_event_reasons.active", "clocks_throttle_reasons.active"
"""What newer and older drivers call the reasons for low clocks. They refuse a question that has a
field which they do not know, so that this is a question of its own."""
IDLE = 0x1
"""Nothing runs, so the clocks are low: the state between two measurements."""
THROTTLE_REASONS = {
    0x2: "application clocks",
    0x4: "power cap",
    0x8: "hardware slowdown",
    0x10: "sync boost",
    0x20: "thermal",
    0x40: "hardware thermal",
    0x80: "power brake",
    0x100: "display clocks",
}
"""The driver's bits, as nvml.h names them (nvmlClocksEventReason...)."""


def gpu_facts(uuid: str) -> tuple[dict[str, str], dict[str, str]]:
    """What identifies the GPU of this UUID, and what is only recorded; without what is not known.

    Identifying: `gpu_driver_major`, `gpu_max_clock_mhz`, `gpu_max_memory_clock_mhz`,
    `gpu_power_limit_w`. Recorded: `gpu_driver`, `gpu_clock_mhz`, `gpu_memory_clock_mhz`,
    `gpu_temperature_c` and `gpu_throttle_reasons`, in words: `throttle_reasons`.
    """
    details, observed = sorted_facts(_answer(uuid, *FIELDS.values()))
    for field in REASONS if observed else ():
        if (bits := _answer(uuid, field).strip()).startswith("0x"):
            observed["gpu_throttle_reasons"] = throttle_reasons(bits)
            break
    return details, observed


def sorted_facts(answer: str) -> tuple[dict[str, str], dict[str, str]]:
    """`gpu_facts`, without the reasons, from nvidia-smi's line; empty if it isn't one."""
    values = [value.strip() for value in answer.strip().split(",")]
    if len(values) != len(FIELDS):
        return {}, {}
    known = {
        name: value
        for name, value in zip(FIELDS, values, strict=True)
        if value and not value.startswith("[")  # "[N/A]", "[Not Supported]"
    }
    details = {name: known.pop(name) for name in IDENTIFYING if name in known}
    if driver := known.get("gpu_driver"):
        details["gpu_driver_major"] = driver.partition(".")[0]
    return details, known


def throttle_reasons(bits: str) -> str:
    """Why the clocks are lower than they could be, such as "power cap, thermal"; or "none".

    `bits` is the driver's answer, such as 0x0000000000000004.
    """
    number = int(bits, 16)
    names = [name for bit, name in THROTTLE_REASONS.items() if number & bit]
    if unknown := number & ~sum(THROTTLE_REASONS) & ~IDLE:
        names.append(hex(unknown))
    return ", ".join(names) or "none"


def _answer(uuid: str, *fields: str) -> str:
    command = [
        "nvidia-smi",
        f"--id=GPU-{uuid}",
        f"--query-gpu={','.join(fields)}",
        "--format=csv,noheader,nounits",
    ]
    try:
        return subprocess.run(
            command, capture_output=True, text=True, timeout=20, check=True
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return ""
