"""Where a study is kept: an Optuna URL, or `journal:FILE`, which needs no server.

SQLite is for one machine; PostgreSQL (`postgresql+pg8000://user@host/database`), or a journal file
on a shared disk, for many.
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
    """Open the study in the storage, or create it.

    `belongs_to` identifies what is searched; it is stored with a new study and compared with an
    existing one. Unless it `may_begin` a study, one must exist.

    Raises StudyError where the storage can't be used, or its study belongs to something else.
    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        storage = optuna.storages.get_storage(_storage(url))
        if not may_begin and not storage.get_all_studies():
            raise LookupError("no search in it; begin one with a worker on the target")
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
            f"but got: {reason}; mend or delete it, or choose another --out or --storage"
        ) from error
    changed = [
        f"{k} was {before.get(k)}, is {v}" for k, v in belongs_to.items() if before.get(k) != v
    ]
    if changed:
        raise StudyError(
            "a study must be continued with the supernet and the target it was started with, but "
            f"{'; '.join(changed)}: choose another --out or --storage"
        )
    return study


def _storage(url: str) -> BaseStorage | str:
    if url.startswith(JOURNAL):
        return JournalStorage(JournalFileBackend(url.removeprefix(JOURNAL)))
    return url


def without_password(url: str) -> str:
    """The URL as it may be printed: `postgresql://user:secret@host` keeps its secret."""
    scheme, separator, rest = url.partition("://")
    user, at, host = rest.rpartition("@")
    return f"{scheme}{separator}{user.partition(':')[0]}{at}{host}"
