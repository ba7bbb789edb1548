"""Storage of a study: an Optuna storage URL, or `journal:FILE`, which needs no server.

SQLite works on one machine. For several machines, use PostgreSQL
(`postgresql+pg8000://user@host/database`) or a journal file on a shared disk; for hundreds of
workers Optuna's gRPC server before PostgreSQL (`grpc://host:port`), which keeps few connections to
the database and answers from memory.
"""

import time
import warnings
from collections.abc import Iterator, Mapping
from typing import Any, Literal

import optuna
from optuna.exceptions import ExperimentalWarning
from optuna.storages import BaseStorage, GrpcStorageProxy, JournalStorage
from optuna.storages.journal import JournalFileBackend

from nas.errors import StudyError
from planner import Target, target_differences
from planner.target_difference import listed

JOURNAL, GRPC = "journal:", "grpc://"
SERVER_S = 10.0
"""Seconds that a gRPC server has to answer at first."""

BEING_MADE = ("already exists", "unique constraint", "duplicate", "database is locked")
"""What databases answer, in lower case, while another process makes the tables of a new study."""
PATIENCE_S = 30.0
"""Seconds after which such an answer has another reason."""
RETRY_S = 0.1


def open_study(
    url: str,
    *,
    objectives: Mapping[str, Literal["maximize", "minimize"]],
    belongs_to: Mapping[str, Any],
    may_begin: bool = True,
) -> optuna.Study:
    """Open the study in the storage, or create it if `may_begin` is set and there is none.

    `objectives` are the names and directions of its values.

    `belongs_to` identifies the search (weights, target, objectives); it is stored in a new study
    and compared with that of an existing one, a target by what identifies it. Where another process
    makes the study at this moment, this waits and joins it.

    Raises StudyError if the storage can't be used, has no study and `may_begin` is false, or its
    study belongs to another search.
    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            study = _opened(url, objectives, belongs_to, may_begin)
            before = study.user_attrs.get("belongs_to", {})
            break
        except Exception as error:
            if _is_being_made(error) and time.monotonic() < deadline:
                time.sleep(RETRY_S)
                continue
            reason = (str(error).strip() or repr(error)).splitlines()[0]
            raise StudyError(
                f"{without_password(url)} must be an Optuna storage that can be read and written, "
                f"but got: {reason}; repair it, or choose another --out or --storage"
            ) from error
    changed = [
        text
        for name, value in belongs_to.items()
        for text in _changes(name, before.get(name), value)
    ]
    if changed:
        raise StudyError(
            "a resumed search must have the same supernet, target and objectives, but "
            f"{'; '.join(changed)}; choose another --out or --storage"
        )
    return study


def _changes(name: str, before: Any, now: Any) -> Iterator[str]:
    """What differs between the study's value and this search's, in words."""
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        differences = target_differences(Target.from_json(before), Target.from_json(now))
        if differences:
            yield f"the {name} has changed ({listed(differences)})"
    elif isinstance(now, Mapping):
        yield f"the study does not say which {name} it belongs to"
    elif before != now:
        yield f"{name} was {before}, is {now}"


def _opened(
    url: str,
    objectives: Mapping[str, Literal["maximize", "minimize"]],
    belongs_to: Mapping[str, Any],
    may_begin: bool,
) -> optuna.Study:
    storage = optuna.storages.get_storage(_storage(url))
    if not may_begin and not storage.get_all_studies():
        raise LookupError("it holds no search; start one with a worker on the target")
    study = optuna.create_study(
        storage=storage, study_name="search", directions=[*objectives.values()], load_if_exists=True
    )
    if not study.get_trials(deepcopy=False):
        study.set_user_attr("belongs_to", dict(belongs_to))
        with warnings.catch_warnings():  # it is called experimental since Optuna 3.2
            warnings.simplefilter("ignore", ExperimentalWarning)
            study.set_metric_names([*objectives])  # what optuna-dashboard writes at its axes
    return study


def _is_being_made(error: BaseException) -> bool:
    """Whether a database fails because another process makes its tables or rows."""
    return any(answer in str(each).lower() for each in _chain(error) for answer in BEING_MADE)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """The error and those that caused it: Optuna wraps the database's."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _storage(url: str) -> BaseStorage | str:
    if url.startswith(GRPC):
        host, _, port = url.removeprefix(GRPC).rpartition(":")
        if not (host and port.isdecimal()):
            raise ValueError("it must read like grpc://host:13000")
        with warnings.catch_warnings():  # it is called experimental since Optuna 4.2
            warnings.simplefilter("ignore", ExperimentalWarning)
            proxy = GrpcStorageProxy(host=host, port=int(port))
        proxy.wait_server_ready(timeout=SERVER_S)
        return proxy
    if url.startswith(JOURNAL):
        return JournalStorage(JournalFileBackend(url.removeprefix(JOURNAL)))
    return url


def without_password(url: str) -> str:
    """The URL for printing: the password of `postgresql://user:password@host` is removed."""
    scheme, separator, rest = url.partition("://")
    user, at, host = rest.rpartition("@")
    return f"{scheme}{separator}{user.partition(':')[0]}{at}{host}"
