"""Finds pip, or gets it: this Python's own, a virtual environment's, or pip's wheel from the package index.

The wheel is pure Python and runs as it is, so python3 alone is all a machine must have. The index is read as PEP 691
(JSON) or PEP 503 (HTML) has it; what comes from there must have the SHA-256 that stands there.
"""

from __future__ import annotations

import configparser
import hashlib
import html
import importlib.util
import json
import os
import re
import subprocess
import sys
import urllib.request
from pathlib import Path
from urllib.parse import urljoin

from project import TARGET, fail, say

WHEEL = "pip-25.3-py3-none-any.whl"
PYPI = "https://pypi.org/simple"
JSON = "application/vnd.pypi.simple.v1+json"
SECONDS = 60
# As pip itself has them, the later ones first.
SETTINGS = ("/etc/pip.conf", "~/.pip/pip.conf", "~/.config/pip/pip.conf")


def pip(remedy: str) -> list[str]:
    """The command to which pip's arguments are added."""
    if importlib.util.find_spec("pip"):
        return [sys.executable, "-m", "pip"]
    if importlib.util.find_spec("ensurepip"):
        home = TARGET / "pip"
        made = subprocess.run([sys.executable, "-m", "venv", str(home)], check=False, capture_output=True)
        if made.returncode == 0:
            return [str(home / "bin" / "python3"), "-m", "pip"]
    wheel = TARGET / WHEEL
    if not wheel.exists():
        say(f"getting {WHEEL}, as python3 has no pip")
        try:
            download(index(), wheel)
        except (OSError, LookupError, ValueError, configparser.Error) as reason:
            fail(f"python3 has no pip, and {WHEEL} cannot be had ({reason}): {remedy}, or install python3-pip")
    return [sys.executable, str(wheel / "pip")]


def index() -> str:
    """Where pip would look."""
    settings = configparser.RawConfigParser()
    settings.read([*map(os.path.expanduser, SETTINGS), os.environ.get("PIP_CONFIG_FILE", os.devnull)])
    return os.environ.get("PIP_INDEX_URL") or settings.get("global", "index-url", fallback=PYPI)


def download(index: str, path: Path) -> None:
    url, sha256 = link(f"{index.rstrip('/')}/pip/")
    with urllib.request.urlopen(url, timeout=SECONDS) as answer:
        content = answer.read()
    if hashlib.sha256(content).hexdigest() != sha256:
        raise ValueError(f"{url} is not what the index says")
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(f".{os.getpid()}")
    fresh.write_bytes(content)
    fresh.replace(path)


def link(page: str) -> tuple[str, str]:
    """The address and the SHA-256 of the wheel."""
    request = urllib.request.Request(page, headers={"accept": f"{JSON}, text/html;q=0.1"})
    with urllib.request.urlopen(request, timeout=SECONDS) as answer:
        text, page, kind = answer.read().decode(), answer.url, answer.headers.get_content_type()
    if kind == JSON:
        links = [(file["url"], file["hashes"].get("sha256")) for file in json.loads(text)["files"]]
    else:
        links = re.findall(r"""href=["']([^"'#]+)#sha256=([0-9a-f]{64})["']""", html.unescape(text))
    for url, sha256 in links:
        if sha256 and url.partition("?")[0].endswith(f"/{WHEEL}"):
            return urljoin(page, url), sha256
    raise LookupError(f"it is not at {page}")
