"""Storage of a study: an Optuna storage URL, or `journal:FILE`, which needs no server.

SQLite works on one machine. For several machines, use PostgreSQL
(`postgresql+pg8000://user@host/database`) or a journal file on a shared disk.
"""

from collections.abc import Mapping, Sequence
from typing import Literal

import optuna
from optuna.storages import BaseStorage, JournalStorage
from optuna.storages.journal import JournalFileBackend

from nas.errors import StudyError

JOURNAL = "journal:"


def open_study(
    url: str,
    *,
    directions: Sequence[Literal["maximize", "minimize"]],
    belongs_to: Mapping[str, str],
    may_begin: bool = True,
) -> optuna.Study:
    """Open the study in the storage, or create it if `may_begin` is set and there is none.

    `belongs_to` identifies the search (weights, target, objectives); it is stored in a new study
    and compared with that of an existing one.

    Raises StudyError if the storage can't be used, has no study and `may_begin` is false, or its
    study belongs to another search.
    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        storage = optuna.storages.get_storage(_storage(url))
        if not may_begin and not storage.get_all_studies():
            raise LookupError("it holds no search; start one with a worker on the target")
        study = optuna.create_study(
            storage=storage, study_name="search", directions=[*directions], load_if_exists=True
        )
        if not study.get_trials(deepcopy=False):
            study.set_user_attr("belongs_to", dict(belongs_to))
        before = study.user_attrs.get("belongs_to", {})
    except Exception as error:
        reason = str(error).strip().splitlines()[0]
        raise StudyError(
            f"{without_password(url)} must be an Optuna storage that can be read and written, "
            f"but got: {reason}; repair or delete it, or choose another --out or --storage"
        ) from error
    changed = [
        f"{k} was {before.get(k)}, is {v}" for k, v in belongs_to.items() if before.get(k) != v
    ]
    if changed:
        raise StudyError(
            "a resumed search must have the same supernet, target and objectives, but "
            f"{'; '.join(changed)}; choose another --out or --storage"
        )
    return study


def _storage(url: str) -> BaseStorage | str:
    if url.startswith(JOURNAL):
        return JournalStorage(JournalFileBackend(url.removeprefix(JOURNAL)))
    return url


def without_password(url: str) -> str:
    """The URL for printing: the password of `postgresql://user:password@host` is removed."""
    scheme, separator, rest = url.partition("://")
    user, at, host = rest.rpartition("@")
    return f"{scheme}{separator}{user.partition(':')[0]}{at}{host}"
