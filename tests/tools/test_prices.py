"""`make prices`: how changed prices are told, and how a disagreement about a cost is put down to its reason."""

from __future__ import annotations

import datetime as dt
import random
import unittest
from decimal import Decimal
from typing import Any

import tooling  # noqa: F401  (puts the tools on the import path)

import check_prices
import prices
from check_prices import Case, Disagreement, Reason


def data(*rows: dict[str, Any]) -> dict[str, Any]:
    return {"providers": {"groq": {"models": list(rows)}}}


def case(model: str = "m", *facts: str) -> Case:
    at = dt.datetime(2026, 11, 22, 12, tzinfo=dt.UTC)
    return Case("litellm", "groq", model, {"input_tokens": 7}, "flex", None, at, Decimal(1), frozenset(facts))


class Changes(unittest.TestCase):
    def changes(self, old: list[dict[str, Any]], new: list[dict[str, Any]]) -> list[str]:
        return list(prices.changes(data(*old), data(*new)))

    def test_the_same_prices_are_no_change(self) -> None:
        row = {"id": "m", "input": 1, "tiers": [{"over": 5, "input": 2}]}
        self.assertEqual(self.changes([row], [dict(reversed(row.items()))]), [])

    def test_a_model_is_one_line(self) -> None:
        old = [{"id": "a", "input": 1, "match": ["a-*"]}, {"id": "b", "input": 1, "output": 2}]
        new = [{"id": "b", "input": 1, "output": 3, "cache_read": 0.1}, {"id": "c", "free": True}]
        self.assertEqual(
            self.changes(old, new),
            ["- groq a: input 1, match a-*", "~ groq b: output 2 → 3, cache_read none → 0.1", "+ groq c: free True"],
        )

    def test_a_rule_is_named_by_its_condition(self) -> None:
        old = {"id": "m", "variants": {"service_tier=flex": {"tiers": [{"over": 5, "input": 1}]}}}
        new = {
            "id": "m",
            "hours": [{"utc": ["01:00", "04:00"], "input": 2}],
            "later": [{"from": "2027-01-01", "input": 3}],
        }
        self.assertEqual(
            self.changes([old], [new]),
            [
                "~ groq m: variants[service_tier=flex].tiers[5].input 1 → none, hours[01:00-04:00].input none → 2, "
                "later[2027-01-01].input none → 3"
            ],
        )

    def test_two_rows_with_one_id_are_two_models(self) -> None:
        rows = [{"id": "m", "input": 1}, {"id": "m", "input": 2}]
        self.assertEqual(self.changes(rows[:1], rows), ["+ groq m #2: input 2"])


class Disagreements(unittest.TestCase):
    def test_costs_agree_to_the_picodollar_or_as_well_as_floats_can(self) -> None:
        one = Decimal(1)
        for ours, theirs, wanted in (
            (one, one, True),
            (None, None, True),
            (one, None, False),
            (None, Decimal(0), False),
            (one, one + Decimal("1e-10"), True),
            (one, one + Decimal("1e-8"), False),
            (Decimal("2e-12"), Decimal("1.1e-12"), True),
            (Decimal("3e-12"), Decimal("1.1e-12"), False),
        ):
            with self.subTest(ours=ours, theirs=theirs):
                self.assertEqual(check_prices.agree(ours, theirs), wanted)

    def test_the_first_reason_that_fits_counts_and_what_none_fits_is_unexplained(self) -> None:
        reasons = (Reason("first", check_prices.states("a")), Reason("second", check_prices.states("a", "b")))
        found = [Disagreement(case(name, *facts), None) for name, *facts in (("x", "a", "b"), ("y", "b"), ("z", "c"))]
        groups = check_prices.group(found, reasons)
        models = {text: [each.case.model for each in each_of] for text, each_of in groups.items()}
        self.assertEqual(models, {"first": ["x"], "second": ["y"], "": ["z"]})

    def test_the_report_counts_and_shows_what_is_unexplained(self) -> None:
        cases = [case("x"), case("x"), case("y")]
        groups = {"": [Disagreement(cases[2], Decimal(2))]}
        self.assertEqual(
            list(check_prices.report(cases, groups)),
            [
                "2 models, 3 costs: 2 agree, 1 do not",
                "UNEXPLAINED: 1 costs of 1 models, such as",
                "  litellm: groq y flex input_tokens=7: ours 2, theirs 1",
            ],
        )

    def test_every_reason_is_told_apart(self) -> None:
        texts = [reason.text for reason in check_prices.REASONS]
        self.assertEqual(len(set(texts)), len(texts))
        self.assertNotIn("", texts)

    def test_a_part_is_never_more_than_its_whole(self) -> None:
        keys = {
            "input",
            "output",
            "cache_read",
            "cache_write",
            "cache_write_1h",
            "audio_input",
            "audio_cache_read",
            "reasoning",
        }
        for seed in range(300):
            usage = check_prices.usage_of(keys, [200_000], random.Random(seed))
            count = usage.get
            self.assertLessEqual(
                count("cache_read", 0) + count("cache_write", 0) + count("audio_input", 0), count("input_tokens")
            )
            self.assertLessEqual(count("cache_write_1h", 0), count("cache_write", 0))
            self.assertLessEqual(count("audio_cache_read", 0), min(count("audio_input", 0), count("cache_read", 0)))
            self.assertLessEqual(count("reasoning", 0), count("output_tokens"))


if __name__ == "__main__":
    unittest.main()
