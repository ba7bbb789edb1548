"""Servers that a shared search can be stored in, for the duration of a block: PostgreSQL, gRPC."""

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from optuna.storages import GrpcStorageProxy

START_S = 60.0
"""Seconds that a gRPC server may take to start: it imports Optuna."""


def postgresql_programs() -> list[Path]:
    """The pg_ctl of each installed version, the oldest first."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"))
    return [path for path in found if os.access(path, os.X_OK)]


@contextmanager
def postgresql() -> Iterator[str]:
    """The URL of a real server of its own, which only a socket in its folder leads to.

    There must be a version in `postgresql_programs`.
    """
    # The server refuses to run as root; its folder must be its user's.
    user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    folder = Path("/tmp") / f"mutualnas-pg-{os.getpid()}"
    folder.mkdir(mode=0o777)
    folder.chmod(0o777)
    control = [*user, str(postgresql_programs()[-1]), "-D", str(folder / "data")]
    options = f"-c listen_addresses='' -c unix_socket_directories='{folder}'"
    try:
        init = ["initdb", "-o", "--auth=trust --username=mutualnas"]
        subprocess.run([*control, *init], check=True, capture_output=True, cwd="/")
        start = ["-w", "-o", options, "-l", str(folder / "log"), "start"]
        subprocess.run([*control, *start], check=True, stdout=subprocess.DEVNULL, cwd="/")
        try:
            yield f"postgresql+pg8000://mutualnas@/postgres?unix_sock={folder}/.s.PGSQL.5432"
        finally:
            stop = [*control, "-m", "immediate", "stop"]
            subprocess.run(stop, check=True, capture_output=True, cwd="/")
    finally:
        shutil.rmtree(folder)


@contextmanager
def grpc_before(storage: str) -> Iterator[str]:
    """The URL of a gRPC server before another storage, in a process of its own."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    code = (
        "from optuna.storages import get_storage, run_grpc_proxy_server\n"
        f"run_grpc_proxy_server(get_storage({storage!r}), port={port})"
    )
    with subprocess.Popen([sys.executable, "-W", "ignore", "-c", code]) as server:
        try:
            GrpcStorageProxy(port=port).wait_server_ready(timeout=START_S)
            yield f"grpc://localhost:{port}"
        finally:
            server.kill()
