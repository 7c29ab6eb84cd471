"""How the suite ends, and which Node it takes."""

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
import node


def stage(code: int) -> check.Stage:
    program = f"import sys; print('why', file=sys.stderr); sys.exit({code})"
    return check.Stage(f"stage {code}", (sys.executable, "-c", program))


def end_of(*codes: int, ci: str = "") -> tuple[int, list[str]]:
    """The exit code and the lines on standard output of a suite whose stages end with `codes`."""
    stages = {str(code): stage(code) for code in codes}
    output = io.StringIO()
    with (
        mock.patch.object(check, "STAGES", stages),
        mock.patch.object(check.envoy, "find", return_value="envoy"),
        mock.patch.dict(os.environ, {"CI": ci}),
        contextlib.redirect_stdout(output),
        contextlib.redirect_stderr(io.StringIO()),
    ):
        return check.main(list(stages)), output.getvalue().splitlines()


class Suite(unittest.TestCase):
    def test_a_stage_that_cannot_run_is_named_with_the_reason_and_fails_in_ci_only(self) -> None:
        for ci, code in (("", 0), ("true", 1), ("1", 1)):
            got, lines = end_of(0, check.CANNOT_RUN, ci=ci)
            self.assertEqual(
                (got, lines[-2:]), (code, ["not run: stage 3 (why)", "stages: 1 passed, 0 failed, 1 skipped"])
            )

    def test_a_stage_that_was_asked_for_alone_must_run(self) -> None:
        self.assertEqual(end_of(check.CANNOT_RUN)[0], 1)

    def test_a_failed_stage_fails_the_suite_after_the_others_ran(self) -> None:
        code, lines = end_of(1, 0)
        self.assertEqual((code, lines[-1]), (1, "stages: 1 passed, 1 failed, 0 skipped"))


class Node(unittest.TestCase):
    def found(self, version: str) -> tuple[Path, bool]:
        """The folder of the Node that is taken where the PATH has one of that version, and whether it was got."""
        with tempfile.TemporaryDirectory() as folder, mock.patch.object(node, "download") as download:
            for name in ("node", "npm"):
                program = Path(folder, name)
                program.write_text(f"#!{sys.executable}\nprint('{version}')\n")
                program.chmod(0o755)
            with (
                mock.patch.dict(os.environ, {"PATH": folder}),
                mock.patch.object(node, "BINARIES", Path(folder, "none")),
            ):
                found = node.find()
            return found.relative_to(folder), download.called

    def test_a_new_enough_node_on_the_path_is_taken(self) -> None:
        self.assertEqual(self.found("v20.1.0"), (Path(), False))

    def test_a_node_that_is_too_old_or_none_is_replaced(self) -> None:
        for version in ("v18.20.4", "no version"):
            self.assertEqual(self.found(version), (Path("none"), True))
