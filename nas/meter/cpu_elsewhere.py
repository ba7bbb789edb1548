"""What macOS and Windows tell about the CPU, under the names of `nas.meter.cpu`.

Standard library only: the kit packs this file.
"""

import ctypes
import platform
import re
import subprocess
from collections.abc import Callable, Mapping
from typing import Any

IDENTIFIER = re.compile(r"Family (\w+) Model (\w+) (?:Stepping|Revision) (\w+)")

# Numbers of IsProcessorFeaturePresent in winnt.h.
WINDOWS_FEATURES = {
    19: "neon",
    36: "ssse3",
    37: "sse4_1",
    38: "sse4_2",
    39: "avx",
    40: "avx2",
    41: "avx512f",
    43: "asimddp",
}

MAC_CACHES = {
    "l1d": "l1dcachesize",
    "l1i": "l1icachesize",
    "l2": "l2cachesize",
    "l3": "l3cachesize",
}


def mac_cpu() -> dict[str, str]:
    """The details that macOS's `sysctl` tells; empty if it can't be run."""
    try:
        done = subprocess.run(
            ["sysctl", "hw", "machdep.cpu"], capture_output=True, text=True, timeout=10, check=False
        )
    except (OSError, subprocess.SubprocessError):
        return {}
    pairs = (line.partition(":") for line in done.stdout.splitlines())
    return from_sysctl({name.strip(): value.strip() for name, _, value in pairs})


def from_sysctl(values: Mapping[str, str]) -> dict[str, str]:
    """The details in sysctl's `hw` and `machdep.cpu`."""
    features = values.get("machdep.cpu.features", "")
    features += " " + values.get("machdep.cpu.leaf7_features", "")
    arm = [
        name.removeprefix("hw.optional.arm.FEAT_")
        for name, value in values.items()
        if name.startswith("hw.optional.arm.FEAT_") and value == "1"
    ]
    sizes = {kind: values.get(f"hw.{name}", "0") for kind, name in MAC_CACHES.items()}
    return {
        "cpu": values.get("machdep.cpu.brand_string", ""),
        "cpu_vendor": values.get("machdep.cpu.vendor", ""),
        "cpu_family": values.get("machdep.cpu.family", values.get("hw.cpufamily", "")),
        "cpu_model": values.get("machdep.cpu.model", values.get("hw.cpusubfamily", "")),
        "cpu_stepping": values.get("machdep.cpu.stepping", ""),
        "instruction_sets": " ".join(sorted({*features.lower().split(), *map(str.lower, arm)})),
        "caches": ", ".join(
            f"{kind.replace('l', 'L', 1)} {int(size) // 1024}K"
            for kind, size in sizes.items()
            if size.isdigit() and int(size)
        ),
    }


def windows_cpu() -> dict[str, str]:
    """The details that Windows tells: registry, identifier, processor features."""
    library: Any = getattr(ctypes, "windll", None)
    has = library.kernel32.IsProcessorFeaturePresent if library else (lambda _: False)
    return from_windows(_registry_name(), platform.processor(), has)


def from_windows(name: str, identifier: str, has: Callable[[int], object]) -> dict[str, str]:
    """The details in the registry's name, "AMD64 Family 25 Model 1 Stepping 1, AuthenticAMD" and
    IsProcessorFeaturePresent."""
    found = IDENTIFIER.search(identifier)
    family, model, stepping = found.groups() if found else ("", "", "")
    return {
        "cpu": name,
        "cpu_vendor": identifier.partition(", ")[2],
        "cpu_family": family,
        "cpu_model": model,
        "cpu_stepping": stepping,
        "instruction_sets": " ".join(
            feature for number, feature in WINDOWS_FEATURES.items() if has(number)
        ),
    }


def _registry_name() -> str:
    try:
        import winreg  # Windows alone has it

        registry: Any = winreg
        path = r"HARDWARE\DESCRIPTION\System\CentralProcessor\0"
        with registry.OpenKey(registry.HKEY_LOCAL_MACHINE, path) as key:
            return str(registry.QueryValueEx(key, "ProcessorNameString")[0]).strip()
    except (ImportError, OSError):
        return ""
