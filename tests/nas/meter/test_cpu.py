from pathlib import Path

import pytest

import nas.meter.cpu
from nas.meter.cpu import caches, cpu_details, described
from planner.rules import is_text

X86 = """processor	: {number}
vendor_id	: AuthenticAMD
cpu family	: 26
model		: 2
model name	: AMD EPYC
stepping	: 1
flags		: fpu vme sse sse2 ht pni smep smap avx f16c avx2 {more}
"""
ARM = """processor	: {number}
Features	: fp asimd evtstrm aes asimdhp cpuid asimddp sb
CPU implementer	: 0x41
CPU architecture: 8
CPU variant	: 0x3
CPU part	: {part}
CPU revision	: 1
"""
PI = "Revision	: c04170\nModel		: Raspberry Pi 5 Model B Rev 1.0\n"
RISCV = "processor: 0\nisa: rv64imafdcv_zba\nmarchid: 0x1\nmvendorid: 0x5\n"


def x86(*more: str) -> str:
    return "\n".join(X86.format(number=i, more=flags) for i, flags in enumerate(more))


def test_two_virtual_machines_of_one_name_are_told_apart() -> None:
    wide, narrow = (described(x86(more, more), [0, 1]) for more in ("avx512f avx512bw", ""))
    assert wide["cpu"] == narrow["cpu"] == "AMD EPYC"
    assert wide["instruction_sets"] == "avx avx2 avx512bw avx512f f16c pni sse sse2"
    assert narrow["instruction_sets"] == "avx avx2 f16c pni sse sse2"
    names = ("cpu_vendor", "cpu_family", "cpu_model", "cpu_stepping")
    assert [wide[name] for name in names] == ["AuthenticAMD", "26", "2", "1"]


@pytest.mark.parametrize(
    ("usable", "parts"), [([0], "0xd05"), ([1], "0xd0b"), ([0, 1], "0xd05 + 0xd0b")]
)
def test_of_large_and_small_cores_those_count_that_the_process_may_use(
    usable: list[int], parts: str
) -> None:
    text = "\n".join([ARM.format(number=0, part="0xd05"), ARM.format(number=1, part="0xd0b"), PI])
    found = described(text, usable)
    assert found["cpu_model"] == parts
    assert found["cpu"] == "Raspberry Pi 5 Model B Rev 1.0"
    assert found["cpu_stepping"] == "r3p1"
    assert found["instruction_sets"] == "asimd asimddp asimdhp fp"


def test_risc_v_tells_its_sets_in_one_word() -> None:
    found = described(RISCV, [0])
    assert (found["instruction_sets"], found["cpu_vendor"]) == ("rv64imafdcv_zba", "0x5")


def test_caches_are_told_by_level(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nas.meter.cpu, "PROCESSORS", tmp_path)
    for index, texts in enumerate((("1", "Data", "48K"), ("2", "Unified", "1024K"))):
        folder = tmp_path / "cpu0" / "cache" / f"index{index}"
        folder.mkdir(parents=True)
        for name, text in zip(("level", "type", "size"), texts, strict=True):
            (folder / name).write_text(text + "\n")
    (tmp_path / "cpu0" / "cache" / "index7").mkdir()  # without files, as on some machines
    assert caches([0, 1]) == "L1d 48K, L2 1024K"
    assert caches([1]) == ""


@pytest.mark.parametrize("text", ["", "nonsense\n\n:\n", "processor: 0\n"])
def test_what_is_not_told_is_left_out(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cpuinfo").write_text(text)
    monkeypatch.setattr(nas.meter.cpu, "CPU_INFO", tmp_path / "cpuinfo")
    monkeypatch.setattr(nas.meter.cpu, "PROCESSORS", tmp_path)
    assert cpu_details() == {}


def test_a_detail_fits_into_a_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cpuinfo").write_text(x86(" ".join(f"avx{i}" for i in range(300))))
    monkeypatch.setattr(nas.meter.cpu, "CPU_INFO", tmp_path / "cpuinfo")
    assert all(map(is_text, cpu_details().values()))


@pytest.mark.parametrize(("system", "function"), [("darwin", "mac_cpu"), ("win32", "windows_cpu")])
def test_other_systems_are_asked_in_their_way(
    system: str, function: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nas.meter.cpu, "CPU_INFO", tmp_path / "none")
    monkeypatch.setattr("sys.platform", system)
    monkeypatch.setattr(nas.meter.cpu, function, lambda: {"cpu": "a chip", "caches": ""})
    assert cpu_details() == {"cpu": "a chip"}
