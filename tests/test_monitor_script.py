"""`./monitor` with a stand-in for uv: what it sets up, when it leaves things alone, and how it heals."""

from __future__ import annotations

import ast
import os
import runpy
import shutil
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[1] / "monitor"
PYPROJECT = tomllib.loads(SCRIPT.with_name("pyproject.toml").read_text())

# Says what it was asked to install, then does what the test put into $UV_DOES.
UV = """#!/bin/sh
for last; do :; done
echo "$last" >> "$UV_LOG"
echo "words of the installer"
eval "${UV_DOES:-:}"
"""


@dataclass
class Project:
    """A project of the script, two locks and a command line that repeats its arguments."""

    root: Path
    tools: Path

    @property
    def venv(self) -> Path:
        return self.root / ".venv"

    def environment(self, **more: str) -> dict[str, str]:
        kept = {key: value for key, value in os.environ.items() if key not in ("VIRTUAL_ENV", "PYTHONPATH")}
        return {**kept, "PATH": f"{self.tools}:/usr/bin:/bin", "UV_LOG": str(self.tools / "log"), **more}

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, str(self.root / "monitor"), *arguments]

    def start(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*arguments),
            env=self.environment(**environment),
            cwd=self.tools,
            capture_output=True,
            text=True,
            timeout=60,
        )

    def installed(self) -> list[str]:
        log = self.tools / "log"
        return log.read_text().split() if log.exists() else []


@pytest.fixture
def project(tmp_path: Path) -> Project:
    root, tools = tmp_path / "project", tmp_path / "tools"
    (root / "monitor_app").mkdir(parents=True)
    tools.mkdir()
    shutil.copy(SCRIPT, root)
    (root / "monitor_app" / "cli.py").write_text("import sys; print('command', *sys.argv[1:])")
    for lock in ("requirements.lock", "requirements-dev.lock", "requirements-setup.lock"):
        (root / lock).write_text(f"# {lock}\n")
    (tools / "uv").write_text(UV)
    (tools / "uv").chmod(0o755)
    return Project(root, tools)


@pytest.mark.parametrize("arguments", [[], ["--help"], ["-h"], ["help"]])
def test_help_needs_no_setup(project: Project, arguments: list[str]) -> None:
    answer = project.start(*arguments)
    assert answer.returncode == 0
    for command in ("demo", "serve", "replay", "analyze", "simulate", "backup", "restore", "doctor", "test", "bench"):
        assert f"\n  {command} " in answer.stdout
    assert not project.venv.exists()


def test_an_unknown_command_is_one_line_and_no_setup(project: Project) -> None:
    answer = project.start("analyse")
    assert (answer.returncode, answer.stdout) == (2, "")
    assert answer.stderr.splitlines() == [
        "There is no command 'analyse'. The commands are: demo, serve, replay, analyze, simulate, backup, restore, "
        "doctor, test, bench."
    ]
    assert not project.venv.exists()


def test_the_first_start_sets_up_and_leaves_standard_output_to_the_command(project: Project) -> None:
    answer = project.start("analyze", "night.edf", "--json")
    assert answer.stdout == "command analyze night.edf --json\n"
    assert answer.stderr.startswith("Setting up Breathwatch in .venv.")
    assert "words of the installer" in answer.stderr
    assert project.installed() == ["requirements.lock"]


def test_the_second_start_installs_nothing_and_says_nothing(project: Project) -> None:
    project.start("demo")
    (project.tools / "uv").unlink()
    answer = project.start("demo")
    assert (answer.stdout, answer.stderr) == ("command demo\n", "")


def test_a_file_where_somebody_stands_does_not_become_ours(project: Project) -> None:
    (project.tools / "monitor_app").mkdir()
    (project.tools / "monitor_app" / "cli.py").write_text("print('a stranger')")
    assert project.start("demo").stdout == "command demo\n"


def test_the_project_is_importable_in_notebooks(project: Project) -> None:
    project.start("demo")
    (project.root / "cpap_core.py").write_text("")
    python = project.venv / "bin" / "python"
    subprocess.run([python, "-c", "import cpap_core"], cwd=project.tools, check=True, env=project.environment())


def test_tests_need_the_development_lock_which_serves_the_other_commands_too(project: Project) -> None:
    for command in ("demo", "test", "demo", "bench", "serve"):
        project.start(command)
    assert project.installed() == ["requirements.lock", "requirements-dev.lock"]


def test_a_changed_lock_is_installed_into_the_same_environment(project: Project) -> None:
    project.start("demo")
    (project.venv / "of the user").touch()
    (project.root / "requirements.lock").write_text("# changed\n")
    answer = project.start("demo")
    assert answer.stderr.startswith("Bringing .venv up to date.")
    assert project.installed() == ["requirements.lock"] * 2
    assert (project.venv / "of the user").exists()


def test_a_killed_setup_is_begun_again(project: Project) -> None:
    killed = project.start("demo", UV_DOES="touch $PWD/.venv/half; kill -9 $PPID")
    assert killed.returncode == -9
    assert (project.venv / "half").exists()
    assert project.start("demo").stdout == "command demo\n"
    assert not (project.venv / "half").exists()


def test_a_moved_folder_gets_a_new_environment(project: Project) -> None:
    project.start("demo")
    moved = Project(project.root.rename(project.root.with_name("moved")), project.tools)
    (moved.venv / "of the old place").touch()
    assert moved.start("demo").stdout == "command demo\n"
    assert not (moved.venv / "of the old place").exists()


def test_a_python_that_has_gone_gets_a_new_environment(project: Project) -> None:
    project.start("demo")
    for name in (project.venv / "bin").glob("python*"):
        name.unlink()
        name.symlink_to(project.tools / "gone")
    assert project.start("demo").stdout == "command demo\n"


def test_two_starts_at_once_set_up_once(project: Project) -> None:
    environment = project.environment(UV_DOES="sleep 0.5")
    starts = [
        subprocess.Popen(project.command("demo"), env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        for _ in range(2)
    ]
    assert [start.communicate(timeout=60)[0] for start in starts] == [b"command demo\n"] * 2
    assert project.installed() == ["requirements.lock"]


@pytest.fixture
def pip(tmp_path: Path) -> str:
    """A stand-in for pip that says what it was asked to install; its PYTHONPATH."""
    module = tmp_path / "pip_stand_in" / "pip"
    module.mkdir(parents=True)
    (module / "__init__.py").touch()
    (module / "__main__.py").write_text(
        "import os, sys\n"
        "if '--version' in sys.argv: sys.exit()\n"
        "open(os.environ['UV_LOG'], 'a').write(f'pip:{sys.argv[-1]}\\n')\n"
        "sys.exit(int(os.environ.get('PIP_ENDS', 0)))\n"
    )
    return str(module.parent)


def test_pip_tries_where_uv_fails(project: Project, pip: str) -> None:
    answer = project.start("demo", UV_DOES="exit 1", PYTHONPATH=pip)
    assert answer.stdout == "command demo\n"
    assert project.installed() == ["requirements.lock", "pip:requirements.lock"]


def test_without_uv_pip_fetches_the_locked_one(project: Project, pip: str) -> None:
    (project.tools / "uv").unlink()
    project.start("demo", PYTHONPATH=pip)
    assert project.installed() == ["pip:requirements-setup.lock", "pip:requirements.lock"]


def test_a_failed_setup_ends_with_one_line_and_the_next_start_goes_on(project: Project, pip: str) -> None:
    failed = project.start("demo", UV_DOES="exit 1", PYTHONPATH=pip, PIP_ENDS="1")
    assert (failed.returncode, failed.stdout) == (1, "")
    assert failed.stderr.splitlines()[-1] == (
        "Set-up failed: the packages of requirements.lock could not be installed; the lines above say why."
    )
    (project.venv / "kept").touch()
    assert project.start("demo").stdout == "command demo\n"
    assert (project.venv / "kept").exists()


def test_an_old_python_gets_one_line(project: Project) -> None:
    pretend = (
        "import runpy, sys; sys.argv = sys.argv[1:]; sys.version_info = (3, 8, 18); "
        "runpy.run_path(sys.argv[0], run_name='__main__')"
    )
    answer = subprocess.run(
        [sys.executable, "-c", pretend, str(project.root / "monitor"), "demo"],
        env=project.environment(PATH=str(project.tools)),
        capture_output=True,
        text=True,
    )
    assert (answer.returncode, answer.stdout) == (1, "")
    assert answer.stderr.startswith("Breathwatch needs Python 3.11 or newer, and this is Python 3.8.18 (")
    assert len(answer.stderr.splitlines()) == 1
    assert not project.venv.exists()


def test_old_pythons_can_parse_the_script() -> None:
    ast.parse(SCRIPT.read_text(), feature_version=(3, 6))


def test_the_script_and_pyproject_agree_on_the_oldest_python() -> None:
    oldest = runpy.run_path(str(SCRIPT))["OLDEST"]
    assert PYPROJECT["project"]["requires-python"] == ">={}.{}".format(*oldest)


def test_the_script_names_the_commands_of_the_command_line() -> None:
    answer = subprocess.run(
        [sys.executable, "-m", "monitor_app.cli", "--help"], cwd=SCRIPT.parent, capture_output=True, text=True
    )
    listed = subprocess.run([sys.executable, SCRIPT], capture_output=True, text=True).stdout
    commands = [line.split()[0] for line in listed.splitlines() if line.startswith("  ")]
    assert len(commands) == 10
    for command in commands:
        assert f"\n    {command} " in answer.stdout
