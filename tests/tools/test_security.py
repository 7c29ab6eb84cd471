"""The tests that SECURITY.md names are there."""

from __future__ import annotations

import re
import unittest

from tooling import ROOT

TEXT = (ROOT / "SECURITY.md").read_text()
PLACE = re.compile(r"`([\w/.]+\.rs)`: ((?:`\w+`(?:, )?)+)")
BROWSER = re.compile(r"`([\w/.]+\.test\.js)`: `([^`]+)`")
FUZZ = re.compile(r"fuzz ((?:`\w+`(?:, )?)+)")
NAME = re.compile(r"`(\w+)`")


def threats() -> list[str]:
    """The last column of each row of the threats."""
    part = TEXT[TEXT.index("## Threats") : TEXT.index("## What is not defended")]
    rows = [line for line in part.splitlines() if line.startswith("| ")]
    return [row.split(" | ")[-1] for row in rows if not row.startswith("| threat ")]


class Threats(unittest.TestCase):
    def test_every_threat_names_a_test(self) -> None:
        self.assertGreater(len(threats()), 30)
        for held_by in threats():
            self.assertRegex(held_by, PLACE)

    def test_every_named_test_is_there(self) -> None:
        missing = [
            f"{path}: {name}"
            for path, names in PLACE.findall(TEXT)
            for name in NAME.findall(names)
            if not re.search(rf"\bfn {name}\(", (ROOT / path).read_text())
        ]
        self.assertEqual(missing, [])

    def test_every_named_test_of_the_page_is_there(self) -> None:
        named = BROWSER.findall(TEXT)
        self.assertTrue(named)
        for path, name in named:
            self.assertIn(f"test('{name}', ", (ROOT / path).read_text())

    def test_every_named_fuzz_target_is_there(self) -> None:
        text = (ROOT / "fuzz/lib.rs").read_text()
        for names in FUZZ.findall(TEXT):
            for name in NAME.findall(names):
                self.assertIn(f'("{name}", ', text)


if __name__ == "__main__":
    unittest.main()
