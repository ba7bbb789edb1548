"""Measures a table's artifacts on this machine, steady and under further conditions."""

from collections.abc import Iterable
from pathlib import Path
from random import Random

from nas.conditions.bench import Bench
from nas.conditions.onnx_file import LOADERS, OnnxFile, load
from nas.conditions.registry import STEADY, chosen, measure_conditions
from nas.conditions.steady import steady
from nas.errors import NasError
from nas.evaluate.reference_network import reference_workload
from nas.evaluate.target import describe_target
from nas.measure.measurements import as_measurements
from nas.measure.measuring import table_of
from nas.measure.pipeline import Pipeline, photo_file, photo_parameters
from nas.meter.energy import energy_mj, rapl
from nas.number_types import dtype_of_files
from nas.progress_bar import share_bar
from nas.runtimes import Runtime
from nas.runtimes.peak_memory import peak_memory_bytes
from nas.threads import threads_to_use
from planner import LookupTable, check_artifact

MINUTES = 10


def measure_artifacts(
    table: LookupTable,
    folder: Path,
    runtime: Runtime,
    conditions: Iterable[str],
    *,
    max_s: float = 60.0,
    minutes: int = MINUTES,
    num_busy_processes: int | None = None,
    photo: Path | None = None,
    allow_noisy: bool = False,
) -> LookupTable:
    """Time the files of `table` in `folder` on this machine; return the new table (`table_of`).

    Args:
        table: its entries have artifacts.
        folder: where the artifacts are.
        runtime: on a CPU, one that loads ONNX files, in the number types of the files.
        conditions: of `nas.conditions.registry.CONDITIONS`; steady latency is measured in any case.
        max_s: seconds of each condition that is timed in rounds, for all entries together.
        minutes: how long `sustained` lasts.
        num_busy_processes: beside how many `contended` is measured; None: one for each usable core.
        photo: the image file of `end_to_end`; None: a made-up one (`photo_file`).
        allow_noisy: whether to measure even on a busy machine, and mark the table as noisy.

    Raises NasError for settings that can't be, or a file that the runtime doesn't load;
    NoisyMachineError like `measure_latency`; PlannerError for an entry without its artifact, or if
    the photo or the way to prepare it is not known.
    """
    names = chosen(conditions)
    _check(table, runtime)
    files = [check_artifact(entry, folder) for entry in table]
    networks = [_loaded(file, runtime) for file in files]
    with photo_file(photo) as image:
        bench = Bench(
            networks=networks,
            files=files,
            pipelines=[Pipeline(table, *pair, image) for pair in zip(table, networks, strict=True)],
            runtime=runtime.name,
            num_threads=runtime.num_threads,
            reference=reference_workload(runtime),
            rng=Random(0),
            max_s=max_s,
            minutes=minutes,
            num_busy_processes=(
                threads_to_use(None) if num_busy_processes is None else num_busy_processes
            ),
        )
        if "end_to_end" in names:
            bench.pipelines[0].run()  # an error is told now, not after a minute
        with share_bar(STEADY) as show:
            found = steady(bench, show, allow_noisy=allow_noisy)
        latencies, parameters = measure_conditions(names, bench, share_bar)
        if "end_to_end" in names:
            parameters["end_to_end"] |= photo_parameters(image)
    more = [
        _size(file, network, runtime) | {"conditions": under}
        for file, network, under in zip(files, networks, latencies, strict=True)
    ]
    digest, ids = str(table.supernet["weights_sha256"]), list(table.by_config_id)
    target = describe_target(runtime, table.target.batch_size)
    return table_of(table, as_measurements(digest, target, found, ids, more, parameters))


def _check(table: LookupTable, runtime: Runtime) -> None:
    if not len(table):
        raise NasError("the table must have entries to measure, but has none")
    if runtime.name not in LOADERS or runtime.device != "cpu":
        raise NasError(
            f"conditions must be measured on a CPU in {' or '.join(LOADERS)}, which load the "
            f"artifacts, but got {runtime.name} on {runtime.device}; pass --device cpu --runtime"
        )
    if runtime.dtype != (dtype := dtype_of_files(table)):
        raise NasError(
            f"conditions must be measured in {dtype}, as the artifacts are, but got {runtime.dtype}"
        )


def _loaded(file: Path, runtime: Runtime) -> OnnxFile:
    try:
        return load(file, runtime.name, runtime.num_threads)
    except Exception as error:  # each runtime has errors of its own
        reason = " ".join(str(error).split())[:200]
        raise NasError(f"{file} must load in {runtime.name}, but it reports: {reason}") from error


def _size(file: Path, network: OnnxFile, runtime: Runtime) -> dict[str, float | None]:
    """What a network takes beside time: memory and energy."""
    memory = peak_memory_bytes(file.read_bytes(), runtime.name, runtime.num_threads)
    return {"peak_memory_bytes": memory, "energy_mj": energy_mj(network.run, rapl())}
