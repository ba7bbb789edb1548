"""What identifies a CPU: unlike processors often have one name, as virtual machines show.

An "AMD EPYC" with AVX-512 and one without it run different kernels of the same runtime. So the
name, family, model, stepping, instruction sets and caches are told together. Only what the system
says is told: what is missing is not known.

Standard library only: the kit packs this file. py-cpuinfo was considered: it asks the same files,
starts processes that take a second, and has neither caches by level nor single processors.
"""

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from nas.meter.cpu_elsewhere import mac_cpu, windows_cpu
from supernet.cores import usable_cores

CPU_INFO = Path("/proc/cpuinfo")
PROCESSORS = Path("/sys/devices/system/cpu")
VECTOR_SETS = {
    "flags": ("sse", "ssse", "pni", "avx", "amx", "fma", "f16c"),
    "Features": ("neon", "vfp", "fp", "asimd", "fcma", "i8mm", "bf16", "sve", "sme"),
}
"""Where Linux names instruction sets, on x86 and Arm, and how the names begin of those that
networks are computed with."""
MAX_LENGTH = 500
"""Characters of a detail of a target."""

# Detail -> its names in /proc/cpuinfo: x86, Arm, RISC-V.
NAMES = {
    "cpu_vendor": ("vendor_id", "CPU implementer", "mvendorid"),
    "cpu_family": ("cpu family", "CPU architecture"),
    "cpu_model": ("model", "CPU part", "marchid"),
    "cpu_stepping": ("stepping", "mimpid"),
}


def cpu_details() -> dict[str, str]:
    """The CPU's `cpu` (name), vendor, family, model, stepping, `instruction_sets` and `caches`.

    On Linux of the processors that this process may run on: a process that is bound to the large
    cores of a phone has another CPU than one that is bound to the small ones. Where they differ,
    a detail holds all values, separated by " + ". What the system doesn't tell is left out.
    """
    if CPU_INFO.is_file():
        usable = usable_cores().processors
        found = described(CPU_INFO.read_text(encoding="utf-8", errors="replace"), usable)
        found |= {"caches": caches(usable)}
    else:
        found = {"darwin": mac_cpu, "win32": windows_cpu}.get(sys.platform, dict)()
    return {name: value[:MAX_LENGTH] for name, value in found.items() if value}


def described(cpu_info: str, usable: Iterable[int]) -> dict[str, str]:
    """The details in the text of /proc/cpuinfo, of the processors in `usable`."""
    blocks = [_fields(block) for block in cpu_info.split("\n\n")]
    processors = [block for block in blocks if block.get("processor", "").isdigit()]
    numbers = {*usable}
    ours = [b for b in processors if int(b["processor"]) in numbers] or processors
    # A Raspberry Pi has its name, and a 32-bit Arm everything but the name, in a block of its own.
    names = _joined(block.get("model name", "") for block in ours) or _joined(
        block.get("Model", "") for block in blocks
    )
    return {
        "cpu": names,
        **{
            detail: _joined(_first(block, keys) for block in ours) for detail, keys in NAMES.items()
        },
        **({"cpu_stepping": arm} if (arm := _joined(map(_arm_stepping, ours))) else {}),
        "instruction_sets": _joined(map(_instruction_sets, ours)),
    }


def caches(usable: Iterable[int]) -> str:
    """The caches of the processors in `usable`, as "L1d 48K, L1i 32K, L2 1024K, L3 32768K"."""
    return _joined(_caches_of(PROCESSORS / f"cpu{number}" / "cache") for number in sorted(usable))


def _caches_of(folder: Path) -> str:
    found = []
    for index in sorted(folder.glob("index[0-9]*")):
        try:
            level, type_, size = (
                (index / name).read_text().strip() for name in ("level", "type", "size")
            )
        except OSError:
            continue
        kind = {"Data": "d", "Instruction": "i"}.get(type_, "")
        found.append(f"L{level}{kind} {size}")
    return ", ".join(found)


def _fields(block: str) -> dict[str, str]:
    pairs = (line.partition(":") for line in block.splitlines())
    return {name.strip(): value.strip() for name, _, value in pairs}


def _first(block: Mapping[str, str], names: Iterable[str]) -> str:
    return next((block[name] for name in names if block.get(name)), "")


def _arm_stepping(block: Mapping[str, str]) -> str:
    """Arm's variant and revision, as in "r3p1"."""
    variant, revision = block.get("CPU variant", ""), block.get("CPU revision", "")
    return f"r{variant.removeprefix('0x')}p{revision}" if variant and revision else ""


def _instruction_sets(block: Mapping[str, str]) -> str:
    known = {
        name
        for field, beginnings in VECTOR_SETS.items()
        for name in block.get(field, "").split()
        if name.startswith(beginnings)
    }
    return " ".join(sorted(known)) or block.get("isa", "")  # RISC-V: one word


def _joined(values: Iterable[str]) -> str:
    """The distinct values that are not empty, in the order of their first appearance."""
    return " + ".join(dict.fromkeys(value for value in values if value))
