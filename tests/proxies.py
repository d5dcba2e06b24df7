"""Find the web servers that stand in front of Breathwatch, or install them; without one their tests fail, not skip."""

from __future__ import annotations

import os
import shutil
import sys

from tests.browser import install, with_apt

PACKAGES = {"nginx": "nginx-light", "caddy": "caddy", "openssl": "openssl"}


class NoProxyError(Exception):
    """The tests behind a proxy cannot run here; the message is the one line that says which command mends it."""


def find(name: str) -> str:
    """Return the program's path.

    Raises
    ------
    NoProxyError
        It is not here.
    """
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if found is None:
        remedy = (
            f"`sudo apt-get install {PACKAGES[name]}`" if shutil.which("apt-get") else "your system's package of it"
        )
        raise NoProxyError(f"The tests behind a proxy need {name}: install it, by {remedy}.")
    return found


def find_or_install(*names: str) -> None:
    """Find these programs; as root on Debian or Ubuntu, first install what is missing.

    Raises
    ------
    NoProxyError
        One is still not here.
    """
    missing = [name for name in names if not _is_here(name)]
    if missing and os.geteuid() == 0 and shutil.which("apt-get"):
        print(f"Installing {', '.join(missing)} for the tests behind a proxy.", file=sys.stderr, flush=True)
        install(with_apt(" ".join(PACKAGES[name] for name in missing)))
    for name in names:
        find(name)


def _is_here(name: str) -> bool:
    try:
        find(name)
    except NoProxyError:
        return False
    return True
