"""What a lookup table says of how it came about: all that is needed to run it again."""

import argparse
import datetime
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import optuna
import torch

from nas.search.storage import without_password


def provenance(
    document: dict[str, Any], args: argparse.Namespace, argv: Sequence[str]
) -> dict[str, Any]:
    """As JSON values; passwords are left out.

    `versions` of the search, and of the training with its name before; `command`; `search`: each of
    its arguments, so that a later default changes nothing; `training`: the job with all its
    hyper-parameters and seed; `data`: the splits' sizes and digests.

    Args:
        document: supernet.json of the supernet.
        args: of the search, with defaults.
        argv: what was typed.
    """
    trained = {f"training {name}": str(value) for name, value in document["versions"].items()}
    now = {"torch": torch.__version__, "optuna": optuna.__version__}
    typed = ["python", "-m", "nas.search", *(_public(word, args.storage) for word in argv)]
    return {
        "versions": now | trained,
        "command": shlex.join(typed),
        "created_utc": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "search": {name: _plain(value, args.storage) for name, value in vars(args).items()},
        "training": document["job"],
        "data": document["data"],
    }


def _public(word: str, storage: str | None) -> str:
    return word.replace(storage, without_password(storage)) if storage else word


def _plain(value: object, storage: str | None) -> object:
    return _public(str(value), storage) if isinstance(value, Path | str) else value
