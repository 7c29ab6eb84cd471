"""A python3 that came without pip: where pip's own wheel is found, what of it is believed, and that it then works."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import tempfile
import threading
import unittest
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from unittest import mock

import tooling  # noqa: F401

import pypi
import wheel

# Downloads the wheel of a thing, as pip would.
PIP = """
import sys, zipfile
folder = sys.argv[sys.argv.index("--dest") + 1]
with zipfile.ZipFile(folder + "/thing-1-py3-none-any.whl", "w") as thing:
    thing.writestr("thing/bin/run", sys.argv[1] + " " + sys.argv[-1])
"""
HTML = "text/html; charset=utf-8"


def pip_wheel() -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as file:
        file.writestr("pip/__main__.py", PIP)
    return content.getvalue()


class Index(BaseHTTPRequestHandler):
    """Answers with what is at a path: content type and content."""

    pages: dict[str, tuple[str, bytes]] = {}

    def do_GET(self) -> None:  # noqa: N802
        kind, content = self.pages.get(self.path, ("", b""))
        self.send_response(200 if kind else 404)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


class Pypi(unittest.TestCase):
    def setUp(self) -> None:
        held = contextlib.ExitStack()
        self.addCleanup(held.close)
        self.home = Path(held.enter_context(tempfile.TemporaryDirectory()))
        server = held.enter_context(ThreadingHTTPServer(("127.0.0.1", 0), Index))
        held.callback(server.shutdown)
        threading.Thread(target=server.serve_forever, args=(0.01,)).start()
        self.index = f"http://127.0.0.1:{server.server_port}/simple/"
        self.wheel = pip_wheel()
        self.serve(hashlib.sha256(self.wheel).hexdigest())
        held.enter_context(mock.patch.object(pypi, "TARGET", self.home))
        held.enter_context(mock.patch.object(pypi, "SETTINGS", ()))
        held.enter_context(mock.patch.object(pypi.importlib.util, "find_spec", lambda name: None))
        held.enter_context(mock.patch.dict(os.environ, {"PIP_INDEX_URL": self.index, "PIP_CONFIG_FILE": os.devnull}))

    def serve(self, sha256: str, html: bool = False) -> None:
        """An index whose page names the wheel, other files around it, with that hash."""
        names = ("pip-1.0-py3-none-any.whl", pypi.WHEEL, pypi.WHEEL.replace(".whl", ".tar.gz"))
        urls = [f"../../files/{name}" for name in names]
        if html:
            links = "".join(f'<a data-x="" href="{url}#sha256={sha256}">{url}</a><br>\n' for url in urls)
            page = (HTML, f"<!DOCTYPE html><body>{links}</body>".encode())
        else:
            files = [{"filename": url, "url": url, "hashes": {"sha256": sha256}} for url in urls]
            page = (pypi.JSON, json.dumps({"meta": {"api-version": "1.1"}, "files": files}).encode())
        Index.pages = {"/simple/pip/": page, f"/files/{pypi.WHEEL}": ("application/zip", self.wheel)}

    def unpacked(self) -> str:
        """What a tool gets out of the thing's wheel."""
        with contextlib.redirect_stdout(io.StringIO()):
            wheel.unpack("thing==1", {"thing/": ""}, self.home / "thing", "do without")
        return (self.home / "thing" / "bin" / "run").read_text()

    @contextlib.contextmanager
    def refused(self, *words: str) -> Iterator[None]:
        with self.assertRaises(SystemExit) as ended:
            yield
        for word in (*words, "do without", pypi.WHEEL):
            self.assertIn(word, str(ended.exception))
        self.assertEqual(list(self.home.glob("pip*")), [])

    def test_the_wheel_of_pip_downloads_what_is_wanted(self) -> None:
        for html in (False, True):
            with self.subTest(html=html):
                self.serve(hashlib.sha256(self.wheel).hexdigest(), html)
                self.assertEqual(self.unpacked(), "download thing==1")
                (self.home / pypi.WHEEL).unlink()

    def test_it_is_fetched_once(self) -> None:
        self.unpacked()
        Index.pages = {}
        self.assertEqual(self.unpacked(), "download thing==1")

    def test_the_index_is_the_one_pip_is_configured_for(self) -> None:
        settings = self.home / "settings"
        settings.write_text(f"[global]\nindex-url = {self.index}\n")
        with mock.patch.dict(os.environ, {"PIP_CONFIG_FILE": str(settings)}):
            del os.environ["PIP_INDEX_URL"]
            self.assertEqual(self.unpacked(), "download thing==1")
        del os.environ["PIP_INDEX_URL"]
        self.assertEqual(pypi.index(), pypi.PYPI)

    def test_another_content_than_the_index_says_is_refused(self) -> None:
        for html in (False, True):
            self.serve("0" * 64, html)
            with self.refused("is not what the index says"):
                self.unpacked()

    def test_an_index_without_it_is_told(self) -> None:
        pages = {"404": None, self.index: (pypi.JSON, b'{"files": []}'), "is not at": (HTML, b"")}
        for word, page in pages.items():
            Index.pages = {"/simple/pip/": page} if page else {}
            with self.refused(word):
                self.unpacked()

    def test_pip_itself_and_then_its_virtual_environment_come_first(self) -> None:
        Index.pages = {}
        with mock.patch.object(pypi.importlib.util, "find_spec", lambda name: name == "pip"):
            self.assertEqual(pypi.pip("")[1:], ["-m", "pip"])
        with mock.patch.object(pypi.importlib.util, "find_spec", lambda name: name == "ensurepip"):
            made = mock.Mock(returncode=0)
            with mock.patch.object(pypi.subprocess, "run", return_value=made):
                self.assertEqual(pypi.pip("")[0], str(self.home / "pip" / "bin" / "python3"))
            made.returncode = 1
            with mock.patch.object(pypi.subprocess, "run", return_value=made), self.refused("404"):
                with contextlib.redirect_stdout(io.StringIO()):
                    pypi.pip("do without")


if __name__ == "__main__":
    unittest.main()
