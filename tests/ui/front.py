"""A web server in front of Breathwatch, run from the very file that is shipped, with a certificate of its own."""

from __future__ import annotations

import re
import ssl
import subprocess
from pathlib import Path
from typing import Self

from tests import proxies
from tests.app.live_server import ROOT, free_port, wait_for

DEPLOY = ROOT / "deploy"
NAME = "wall.example.org"
CERTIFICATES = "/etc/ssl/breathwatch"


class Front:
    """nginx or Caddy on a port of its own, with TLS and the prefix /monitor.

    Parameters
    ----------
    folder : path
        For its configuration, its log and its certificate.
    server_port : int
        Where Breathwatch listens.
    """

    def __init__(self, folder: Path, server_port: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.server_port = server_port
        self.port, self.plain_port = free_port(), free_port()
        self.url = f"https://localhost:{self.port}/monitor"
        self.process: subprocess.Popen[bytes] | None = None
        names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
        key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", "privkey.pem"]
        make = [proxies.find("openssl"), "req", "-x509", *key, "-days", "2", *names, "-out", "fullchain.pem"]
        subprocess.run(make, cwd=folder, check=True, capture_output=True, timeout=60)

    def command(self) -> list[str]:
        """Write its configuration, and give what starts it."""
        raise NotImplementedError

    def shipped(self, file: str, /, **replaced: str) -> str:
        """A file as it is shipped, with this test's places in it; each must be there to be replaced."""
        text = (DEPLOY / file).read_text(encoding="utf-8").replace(CERTIFICATES, str(self.folder))
        for pattern, new in replaced.items():
            text, n = re.subn(PLACES[pattern], new, text)
            assert n, f"deploy/{file} has no {PLACES[pattern]}"
        return text

    def start(self) -> Self:
        """Start, and wait until it answers."""
        with (self.folder / "front.log").open("ab") as log:
            self.process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wait_for(self.is_up, 15, "the proxy")
        return self

    def is_up(self) -> bool:
        """Whether it takes connections."""
        assert self.process is not None
        assert self.process.poll() is None, (self.folder / "front.log").read_text()[-2000:]
        try:
            ssl.get_server_certificate(("localhost", self.port), timeout=5)
        except OSError:
            return False
        return True

    def stop(self) -> None:
        """End it, and every connection with it."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait(timeout=20)
            self.process = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()


PLACES = {
    "backend": r"127\.0\.0\.1:5006",
    "listen_tls": r"listen 443",
    "listen_plain": r"listen 80",
    "name": re.escape(NAME),
    "redirect": r"https://\$host\$",
}


class Nginx(Front):
    """nginx with deploy/nginx.conf."""

    def command(self) -> list[str]:
        """Put the shipped file where a distribution includes it: into the `http` block."""
        given = self.shipped(
            "nginx.conf",
            backend=f"127.0.0.1:{self.server_port}",
            listen_tls=f"listen 127.0.0.1:{self.port}",
            listen_plain=f"listen 127.0.0.1:{self.plain_port}",
            name="localhost",
            redirect=f"https://$host:{self.port}$",
        )
        (self.folder / "breathwatch.conf").write_text(given)
        kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        places = " ".join(f"{kind}_temp_path {self.folder}/{kind};" for kind in kinds)
        main = f"pid {self.folder}/nginx.pid; error_log stderr warn; daemon off; worker_processes 1; events {{}}"
        http = f"http {{ access_log off; {places} include {self.folder}/breathwatch.conf; }}"
        (self.folder / "nginx.conf").write_text(f"{main}\n{http}\n")
        return [proxies.find("nginx"), "-p", str(self.folder), "-c", str(self.folder / "nginx.conf")]


class Caddy(Front):
    """Caddy with deploy/Caddyfile."""

    def command(self) -> list[str]:
        """Give it this test's certificate, and keep it from ports and folders that are not its own."""
        tls = f"tls {self.folder}/fullchain.pem {self.folder}/privkey.pem"
        given = self.shipped("Caddyfile", backend=f"127.0.0.1:{self.server_port}")
        given, n = re.subn(rf"^{re.escape(NAME)} {{", f"localhost:{self.port} {{\n\t{tls}", given, flags=re.MULTILINE)
        assert n == 1
        path = self.folder / "Caddyfile"
        path.write_text(f"{{\n\tadmin off\n\tauto_https disable_redirects\n\tskip_install_trust\n}}\n{given}")
        given_to = ["--adapter", "caddyfile", "--config", str(path)]
        subprocess.run([proxies.find("caddy"), "validate", *given_to], check=True, capture_output=True, timeout=60)
        return [proxies.find("caddy"), "run", *given_to]
