from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from nas.conditions.bench import Bench
from nas.conditions.first_call import first_call
from nas.errors import NasError

# Prepares slow.onnx in 50 ms and more, any other file in none.
PROCESS = """
import json, sys, time
start = time.perf_counter()
if sys.argv[2].endswith("slow.onnx"):
    time.sleep(0.05)
steps = {"import": 2.0, "load": 1e-3, "prepare": time.perf_counter() - start, "run": 2e-3}
print(json.dumps(steps))
"""


def use(text: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put `text` in place of the script that a fresh process runs."""
    script = folder / "process.py"
    script.write_text(text)
    fake = SimpleNamespace(__file__=str(script))
    monkeypatch.setattr("nas.conditions.first_call.onnx_file", fake)


def test_a_slow_preparation_is_seen_where_it_is(
    new_bench: Callable[..., Bench],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    shares: list[float],
) -> None:
    use(PROCESS, tmp_path, monkeypatch)
    bench = new_bench((), files=(tmp_path / "quick.onnx", tmp_path / "slow.onnx"))
    found = first_call(bench, shares.append, num_processes=3)
    quick, slow = found.latencies["first_call_prepare"]
    assert slow.p50_ms >= 50 > 10 * quick.p50_ms
    assert [each.p50_ms for each in found.latencies["first_call_load"]] == pytest.approx([1, 1])
    assert [each.p50_ms for each in found.latencies["first_call_run"]] == pytest.approx([2, 2])
    whole = found.latencies["first_call"][1]
    assert whole.p50_ms == pytest.approx(slow.p50_ms + 3)
    assert whole.num_samples == 3
    assert found.parameters == {"num_processes": 3, "import_ms": 2000.0}
    assert shares[-1] == 1.0


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("raise RuntimeError('no such operator')", "RuntimeError: no such operator"),
        ("print('hello')", "Expecting value"),
        ("raise SystemExit(7)", "exit 7"),
    ],
)
def test_a_process_that_fails_is_one_clear_line(
    text: str,
    reason: str,
    new_bench: Callable[..., Bench],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    use(text, tmp_path, monkeypatch)
    with pytest.raises(NasError) as error:
        first_call(new_bench((), files=(tmp_path / "x.onnx",)), lambda _: None, num_processes=1)
    assert f"must load and run {tmp_path / 'x.onnx'}, but failed: {reason}" in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.slow
@pytest.mark.parametrize("runtime", ["onnxruntime", "openvino"])
def test_the_first_run_of_an_artifact_is_timed_in_fresh_processes(
    runtime: str, artifact: Path, new_bench: Callable[..., Bench]
) -> None:
    bench = new_bench((), files=(artifact,), runtime=runtime)
    found = first_call(bench, lambda _: None, num_processes=2)
    (whole,) = found.latencies["first_call"]
    (prepare,) = found.latencies["first_call_prepare"]
    assert 0 < prepare.p50_ms < whole.p50_ms
    assert found.parameters["import_ms"] > 1
