"""Whoever installs this is bound by no copyleft licence: by the metadata of what is installed.

All extras but `dev` are looked at, with what they need in turn; the tools of `dev` are not shipped.
Refused are the GPL, the AGPL and the LGPL, as an obligation on whoever ships a product. The MPL of
tqdm and certifi binds changes to their own files only; NVIDIA's libraries come with torch.
"""

import re
import tomllib
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PROJECT = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["project"]
EXTRAS = sorted(set(PROJECT["optional-dependencies"]) - {"dev"})
NOT_IN_DEV = {"ai-edge-litert", "executorch", "litert-torch", "nvidia-ml-py"}
"""Needed by extras that `dev` leaves out, so perhaps not installed here."""

COPYLEFT = re.compile(r"\b(A|L)?GPL|GNU .*General Public|\bEUPL|\bSSPL|Affero", re.IGNORECASE)
LINKING_ALLOWED = re.compile(r"GPL[\w.-]* WITH (GCC-exception|Bootloader-exception)[\w.-]*")
"""Of run-time libraries of compilers, which bind nothing that is compiled with them."""


def licences(package: Distribution) -> list[str]:
    """What it says: its SPDX expression, its classifiers, or its licence's first line."""
    all_of = package.metadata.get_all
    if expression := all_of("License-Expression"):
        return expression
    if named := [line for line in all_of("Classifier") or [] if line.startswith("License ::")]:
        return named
    return [text.strip().partition("\n")[0] for text in all_of("License") or []]


def is_copyleft(licence: str) -> bool:
    """Whether every one of the licences that one may choose from is copyleft."""
    choices = LINKING_ALLOWED.sub("", licence).split(" OR ")
    return all(COPYLEFT.search(choice) for choice in choices)


def needed(
    requirements: list[str], extra: str, seen: set[tuple[str, str]]
) -> Iterator[Requirement]:
    """All that is to be installed, each package with each of its extras once."""
    for text in requirements:
        requirement = Requirement(text)
        if requirement.marker and not requirement.marker.evaluate({"extra": extra}):
            continue
        yield requirement
        for wanted in ("", *sorted(requirement.extras)):
            key = canonicalize_name(requirement.name), wanted
            if key in seen:
                continue
            seen.add(key)
            if key[0] == PROJECT["name"]:
                yield from needed(requirements_of(wanted), "", seen)
                continue
            try:
                inner = distribution(requirement.name).requires or []
            except PackageNotFoundError:
                continue
            yield from needed(inner, wanted, seen)


def requirements_of(extra: str) -> list[str]:
    """Of this project."""
    listed: list[str] = (PROJECT["optional-dependencies"] | {"": PROJECT["dependencies"]})[extra]
    return listed


@pytest.mark.parametrize("extra", ["", *EXTRAS])
def test_no_dependency_has_a_copyleft_licence(extra: str) -> None:
    names = {canonicalize_name(r.name) for r in needed(requirements_of(extra), "", set())}
    wrong, missing = {}, set()
    for name in sorted(names - {PROJECT["name"]}):
        try:
            found = licences(distribution(name))
        except PackageNotFoundError:
            missing.add(name)
            continue
        if any(is_copyleft(licence) for licence in found):
            wrong[name] = found
    assert not wrong
    assert missing <= NOT_IN_DEV


@pytest.mark.parametrize(
    ("licence", "copyleft"),
    [
        ("AGPL-3.0-or-later", True),
        ("License :: OSI Approved :: GNU Affero General Public License v3", True),
        ("License :: OSI Approved :: GNU Lesser General Public License v3 (LGPLv3)", True),
        ("LGPL-3.0-only", True),
        ("MIT AND GPL-2.0-only", True),
        ("MIT OR GPL-2.0-only", False),
        ("BSD-3-Clause AND GPL-3.0-or-later WITH GCC-exception-3.1", False),
        ("MPL-2.0 AND MIT", False),
        ("LicenseRef-NVIDIA-Proprietary", False),
        ("License :: OSI Approved :: BSD License", False),
    ],
)
def test_which_licences_are_copyleft(licence: str, copyleft: bool) -> None:
    assert is_copyleft(licence) == copyleft
