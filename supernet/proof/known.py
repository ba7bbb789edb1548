"""Known: proofs are kept in the user's cache, by the code and the structure of the network."""

import functools
import hashlib
import json
import os
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from types import FunctionType, MethodType
from typing import Any

import torch
from torch import nn

from supernet.elastic.attributes import ATOMIC, attributes
from supernet.elastic.supernet import Supernet
from supernet.proof.proving import Proof, prove

PACKAGE = Path(__file__).parents[1]


def proof_of(supernet: Supernet) -> Proof:
    """The proof of a network like this, from the user's cache or else made now (see `prove`).

    It holds for the same code (that of the network's classes and of all else loaded from their
    packages, of this package, and torch's version), structure, attributes and search space;
    weights do not matter. A network whose code lies in no file is proven each time. Raises
    ModelError like `prove`.
    """
    digest = _digest(supernet)
    if digest is None:
        return prove(supernet)
    file = _folder() / f"{digest}.json"
    try:
        return Proof(**json.loads(file.read_text()))
    except (OSError, ValueError, TypeError):  # none yet, or one that a kill cut off
        pass
    proof = prove(supernet)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        temporary = file.with_suffix(f".{os.getpid()}")
        temporary.write_text(json.dumps(asdict(proof)))
        temporary.replace(file)
    except OSError:  # then it is proven again next time
        pass
    return proof


def _folder() -> Path:
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "mutualnas" / "proofs"


def _digest(supernet: Supernet) -> str | None:
    """The sha256 of all that a proof depends on; None where some code lies in no file."""
    model = supernet.model
    sources = _sources(model)
    if sources is None:
        return None
    named = [*model.named_parameters(), *model.named_buffers()]
    structure = (
        torch.__version__,
        _own_source(),
        sorted(sources),
        repr(model),
        [(name, tensor.shape, str(tensor.dtype)) for name, tensor in named],
        [(each.shape, str(each.dtype)) for each in supernet.example_inputs],
        list(_values(model)),
        supernet.space.to_json(),
        supernet.groups_digest(),
    )
    return hashlib.sha256(repr(structure).encode()).hexdigest()


@functools.cache
def _own_source() -> str:
    digest = hashlib.sha256()
    for file in sorted(PACKAGE.rglob("*.py")):
        digest.update(file.read_bytes())
    return digest.hexdigest()


def _sources(model: nn.Module) -> list[str] | None:
    """Digests of the files that hold the network's code; None where there is no file."""
    tops = set()
    for name in _modules_of(model):
        if getattr(sys.modules.get(name), "__file__", None) is None:
            return None
        tops.add(name.partition(".")[0])
    files = {
        str(module.__file__)
        for name, module in list(sys.modules.items())
        if name.partition(".")[0] in tops - {"torch"} and getattr(module, "__file__", None)
    }
    try:
        return [hashlib.sha256(Path(file).read_bytes()).hexdigest() for file in files]
    except OSError:
        return None


def _modules_of(model: nn.Module) -> set[str]:
    """Python modules of the classes, and of the functions that layers hold."""
    kinds = {kind for module in model.modules() for kind in type(module).__mro__}
    found = {kind.__module__ for kind in kinds} - {"builtins", "abc", "typing", "collections"}
    for _, _, value in attributes(model):
        for each in value.values() if isinstance(value, dict) else [value]:
            if isinstance(each, FunctionType | MethodType):
                found.add(str(each.__module__))
    return found


def _values(model: nn.Module) -> Iterator[tuple[str, str, str]]:
    """The plain values that layers hold, which may decide what they compute."""
    for path, module in model.named_modules():
        for name, value in vars(module).items():
            if _is_plain(value):
                yield path, name, repr(value)


def _is_plain(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return all(map(_is_plain, value))
    return type(value) in ATOMIC and not isinstance(value, torch.Generator)
