"""The files under deploy/ fit each other, the settings and the program; their own tools check them where they are."""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

from monitor_app import config

ROOT = Path(__file__).resolve().parents[1]
DEPLOY = ROOT / "deploy"
GUIDE = (ROOT / "docs" / "deployment.md").read_text(encoding="utf-8")
KNOWN = {name for name, _default, _text in config.table()}


def assignments(text: str) -> dict[str, str]:
    """The settings in a file, by name."""
    return dict(re.findall(r"^(?:Environment=)?(MONITOR_\w+)=(.*)$", text, re.MULTILINE))


@pytest.mark.parametrize("path", sorted(DEPLOY.iterdir()), ids=lambda path: path.name)
def test_every_file_is_in_the_guide_and_names_known_settings(path: Path) -> None:
    assert f"deploy/{path.name}" in GUIDE
    text = path.read_text(encoding="utf-8")
    assert set(re.findall(r"\bMONITOR_[A-Z_]+", text)) <= KNOWN


@pytest.mark.holds("F12.1")
def test_the_settings_fit_the_proxies() -> None:
    """Prefix and place of the environment file are those that nginx and Caddy serve."""
    given = assignments((DEPLOY / "breathwatch.env").read_text())
    settings = config.load(given)
    (place,) = settings.origins
    assert place.port == 443
    nginx, caddy = (DEPLOY / "nginx.conf").read_text(), (DEPLOY / "Caddyfile").read_text()
    assert re.findall(r"server_name (\S+);", nginx) == [place.host, place.host]
    assert f"location {settings.prefix}/ {{" in nginx
    assert f"\n{place.host} {{" in caddy
    assert f"handle {settings.prefix}/*" in caddy
    assert f"server 127.0.0.1:{settings.port};" in nginx
    assert f"reverse_proxy 127.0.0.1:{settings.port} " in caddy


def service() -> str:
    return (DEPLOY / "breathwatch.service").read_text(encoding="utf-8")


def test_the_service_is_one_that_systemd_takes(tmp_path: Path) -> None:
    """By systemd's own check where it is installed; how bare the process stands is 1.4 of 10 by its count."""
    verify = shutil.which("systemd-analyze")
    if verify is None:
        pytest.skip("systemd is not installed here: its check of the service runs where it is")
    unit = tmp_path / "breathwatch.service"
    unit.write_text(service().replace("/opt/breathwatch/", f"{ROOT}/"))
    checked = subprocess.run([verify, "verify", str(unit)], capture_output=True, text=True, timeout=60)
    said = [line for line in checked.stderr.splitlines() if "breathwatch" in line]
    assert (checked.returncode, said) == (0, [])
    counted = subprocess.run(
        [verify, "security", "--offline=true", "--threshold=20", str(unit)], capture_output=True, text=True, timeout=60
    )
    assert counted.returncode == 0, counted.stdout


def test_the_service_can_do_what_the_server_needs() -> None:
    """Each of these would end it, or its backups, in ways that are hard to find."""
    lines = service().splitlines()
    assert "ExecStart=/opt/breathwatch/monitor serve" in lines
    assert not any(line.startswith("MemoryDenyWriteExecute") for line in lines), "numba compiles"
    assert "Restart=always" in lines
    folders = {"MONITOR_DATA": "StateDirectory", "NUMBA_CACHE_DIR": "CacheDirectory"}
    for variable, directory in folders.items():
        (folder,) = (line.rpartition("=")[2] for line in lines if line.startswith(f"Environment={variable}="))
        assert f"{directory}={folder.rpartition('/')[2]}" in lines
    (limit,) = (int(line.partition("=")[2]) for line in lines if line.startswith("LimitNOFILE="))
    assert limit >= 4096


def instructions() -> list[tuple[str, str]]:
    """The container file's instructions with their arguments, continued lines joined."""
    text = (DEPLOY / "Containerfile").read_text(encoding="utf-8")
    joined = re.sub(r"\\\n\s*", "", "\n".join(line for line in text.splitlines() if not line.startswith("#")))
    return [(line.split()[0], line.partition(" ")[2]) for line in joined.splitlines() if line.strip()]


def test_the_image_holds_the_program_and_runs_as_nobody_s_user() -> None:
    """Not built here, since that needs a daemon; what it copies is what the wheel has, and exists."""
    known = {
        "FROM",
        "WORKDIR",
        "COPY",
        "RUN",
        "ENV",
        "USER",
        "VOLUME",
        "STOPSIGNAL",
        "HEALTHCHECK",
        "ENTRYPOINT",
        "CMD",
    }
    steps = instructions()
    assert {name for name, _ in steps} <= known
    copied = {part for name, rest in steps if name == "COPY" and "--from" not in rest for part in rest.split()[:-1]}
    assert all((ROOT / part).exists() for part in copied)
    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert set(wheel["only-include"]) <= copied
    (user,) = (rest for name, rest in steps if name == "USER")
    assert int(user) >= 1000
    assert [name for name, _ in steps][-2:] == ["ENTRYPOINT", "CMD"]


def test_the_containers_share_loopback_and_nothing_else_is_open() -> None:
    """The server refuses to listen beyond loopback without accounts: its proxy must live in its network namespace."""
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
    server, proxy = compose["services"]["breathwatch"], compose["services"]["proxy"]
    assert proxy["network_mode"] == "service:breathwatch"
    assert "ports" not in proxy
    assert server["ports"] == ["80:80", "443:443"]
    for name in (server["env_file"], proxy["volumes"][0].split(":")[0]):
        assert (DEPLOY / name).exists()
    assert (DEPLOY / server["build"]["context"] / server["build"]["dockerfile"]).samefile(DEPLOY / "Containerfile")
    volumes = [volume.split(":") for volume in server["volumes"]]
    assert {name for name, *_ in volumes} == set(compose["volumes"])
    environment = next(rest for name, rest in instructions() if name == "ENV")
    for _name, folder in volumes:
        assert f"={folder}" in environment
