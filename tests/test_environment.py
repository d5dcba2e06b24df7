"""What is installed has one truth: the locks and conda's environment.yml hold what pyproject.toml asks for."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
RUNTIME = PYPROJECT["project"]["dependencies"]
GROUPS = PYPROJECT["dependency-groups"]
LOCKS = {
    "requirements.lock": RUNTIME,
    "requirements-dev.lock": RUNTIME + GROUPS["dev"],
    "requirements-setup.lock": GROUPS["setup"],
}


def entries(lock: str) -> list[str]:
    """Return the entries of a lock, each with its hashes on one line."""
    return (ROOT / lock).read_text().replace("\\\n", " ").splitlines()


def pinned(lock: str) -> dict[str, Requirement]:
    """Return the requirements of a lock by name."""
    requirements = [Requirement(entry.split("--hash")[0]) for entry in entries(lock)]
    return {requirement.name: requirement for requirement in requirements}


@pytest.mark.parametrize("lock", LOCKS)
def test_every_entry_is_one_version_with_hashes(lock: str) -> None:
    assert entries(lock)
    for entry in entries(lock):
        assert re.fullmatch(r"[a-z0-9-]+==[^\s;]+(?: ; [^-]+?)?\s*(?:\s+--hash=sha256:[0-9a-f]{64})+", entry), entry


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_names_no_host(lock: str) -> None:
    text = (ROOT / lock).read_text()
    assert "/" not in text
    assert "--index" not in text
    assert "--find-links" not in text


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_holds_what_pyproject_asks_for(lock: str) -> None:
    versions = pinned(lock)
    for wanted in map(Requirement, LOCKS[lock]):
        (found,) = versions[wanted.name].specifier
        assert found.version in wanted.specifier, f"{lock} has {wanted.name} {found}, pyproject wants {wanted}"


def test_the_development_lock_holds_every_line_of_the_runtime_lock() -> None:
    assert set(entries("requirements.lock")) < set(entries("requirements-dev.lock"))


def test_conda_gets_the_ranges_of_pyproject() -> None:
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    (from_pip,) = (entry["pip"] for entry in environment if isinstance(entry, dict))
    given = [entry for entry in environment if isinstance(entry, str) and entry != "pip"] + from_pip
    wanted = [f"python{PYPROJECT['project']['requires-python']}", *RUNTIME, *GROUPS["dev"]]
    assert sorted(map(str, map(Requirement, given))) == sorted(map(str, map(Requirement, wanted)))


def test_the_build_uses_the_locked_hatchling() -> None:
    assert PYPROJECT["build-system"]["requires"] == [each for each in GROUPS["dev"] if each.startswith("hatchling")]
