from pathlib import Path

import pytest

from nas.conditions.heat import heat


def test_the_fastest_core_the_hottest_sensor_and_all_throttles(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nas.conditions.heat.SYSTEM", tmp_path)
    files = {
        "devices/system/cpu/cpu0/cpufreq/scaling_cur_freq": "1800000\n",
        "devices/system/cpu/cpu1/cpufreq/scaling_cur_freq": "2400000\n",
        "devices/system/cpu/cpu0/thermal_throttle/core_throttle_count": "3\n",
        "devices/system/cpu/cpu1/thermal_throttle/core_throttle_count": "4\n",
        "class/thermal/thermal_zone0/temp": "51000\n",
        "class/thermal/thermal_zone1/temp": "71500\n",
        "class/thermal/thermal_zone2/temp": "not now\n",
    }
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text(content)
    assert heat() == {"cpu_mhz": 2400.0, "temperature_c": 71.5, "num_throttles": 7}


def test_what_the_system_does_not_tell_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nas.conditions.heat.SYSTEM", tmp_path)
    monkeypatch.setattr("nas.conditions.heat.observations", dict)
    assert heat() == {}
    monkeypatch.setattr("nas.conditions.heat.observations", lambda: {"cpu_mhz": 2596.1})
    assert heat() == {"cpu_mhz": 2596.1}
