"""Neither system is here: what they answer is made up after their manuals."""

import subprocess

import pytest

from nas.meter.cpu_elsewhere import from_sysctl, from_windows, mac_cpu, windows_cpu

APPLE = """machdep.cpu.brand_string: Apple M2
hw.cpufamily: 3660830781
hw.cpusubfamily: 2
hw.l1dcachesize: 65536
hw.l2cachesize: 4194304
hw.optional.arm.FEAT_DotProd: 1
hw.optional.arm.FEAT_SME: 0
hw.optional.neon: 1
"""
INTEL = {
    "machdep.cpu.brand_string": "Intel(R) Core(TM) i7",
    "machdep.cpu.vendor": "GenuineIntel",
    "machdep.cpu.family": "6",
    "machdep.cpu.model": "158",
    "machdep.cpu.stepping": "10",
    "machdep.cpu.features": "FPU SSE AVX1.0 FMA",
    "machdep.cpu.leaf7_features": "AVX2",
}


def test_a_mac_is_described_by_sysctl(monkeypatch: pytest.MonkeyPatch) -> None:
    done = subprocess.CompletedProcess([], 0, stdout=APPLE)
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: done)
    found = mac_cpu()
    assert (found["cpu"], found["cpu_family"]) == ("Apple M2", "3660830781")
    assert found["instruction_sets"] == "dotprod"
    assert found["caches"] == "L1d 64K, L2 4096K"


def test_an_intel_mac_names_its_sets() -> None:
    found = from_sysctl(INTEL)
    assert found["instruction_sets"] == "avx1.0 avx2 fma fpu sse"
    assert (found["cpu_family"], found["cpu_model"], found["cpu_stepping"]) == ("6", "158", "10")


def test_a_mac_without_sysctl_is_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object, **__: object) -> None:
        raise FileNotFoundError

    monkeypatch.setattr(subprocess, "run", fails)
    assert mac_cpu() == {}


def test_windows_is_described_by_its_identifier_and_features() -> None:
    identifier = "AMD64 Family 25 Model 33 Stepping 2, AuthenticAMD"
    found = from_windows("AMD Ryzen 9", identifier, {39, 40}.__contains__)
    assert found == {
        "cpu": "AMD Ryzen 9",
        "cpu_vendor": "AuthenticAMD",
        "cpu_family": "25",
        "cpu_model": "33",
        "cpu_stepping": "2",
        "instruction_sets": "avx avx2",
    }


def test_on_other_systems_windows_tells_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.processor", lambda: "")
    assert not any(windows_cpu().values())
