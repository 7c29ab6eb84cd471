"""`make bench` and `make soak`: what they compare, and what they would not let pass."""

from __future__ import annotations

import json
import os
import time
import unittest

from tooling import ROOT

import gateway
from bench import base, contestant, longest, process, report, rounds, soak
from bench.row import GROUPS, PLAIN
from bench.traffic import NUMBER, Load

SHIPPED = (ROOT / "envoy" / "envoy.yaml").read_text()


class Loads(unittest.TestCase):
    def test_a_body_has_the_size_that_was_asked_for_and_a_place_for_its_number(self) -> None:
        for size in (600, 2048, 65536):
            text = Load(size, "sse:50", fresh=True).text()
            self.assertEqual((len(text), text.count(NUMBER)), (size, 1))
            self.assertTrue(json.loads(text)["stream"])

    def test_bodies_that_are_to_be_the_same_have_no_number(self) -> None:
        self.assertNotIn(NUMBER, Load(600, "json:1024").text())


class Contestants(unittest.TestCase):
    def test_no_contestant_writes_an_access_log(self) -> None:
        upstream = gateway.with_upstream(gateway.located(SHIPPED), "127.0.0.1:1")
        for name, edit in contestant.EDITS.items():
            self.assertNotIn("StdoutAccessLog", edit(upstream), name)

    def test_each_has_the_filter_that_its_name_says(self) -> None:
        upstream = gateway.with_upstream(gateway.located(SHIPPED), "127.0.0.1:1")
        texts = {name: edit(upstream) for name, edit in contestant.EDITS.items()}
        filters = {name: text.count("name: envoy.filters.http.wasm") for name, text in texts.items()}
        self.assertEqual(filters, {"plain": 0, "noop": 1, "hash": 1, "ask": 1, "sluice": SHIPPED.count("name: envoy.filters.http.wasm")})
        self.assertIn("rate_limiting_limit", texts["sluice"])


class Goals(unittest.TestCase):
    def test_a_ratio_is_to_be_high_and_everything_else_low(self) -> None:
        self.assertIn("MISSED", report.verdict("ratio", 0.69, 0.7))
        self.assertIn("ok", report.verdict("ratio", 0.70, 0.7))
        self.assertIn("MISSED", report.verdict("added_p50_us", 61, 60))
        self.assertIn("ok", report.verdict("added_p50_us", 60, 60))

    def test_every_goal_is_set_on_a_figure_that_its_group_has(self) -> None:
        for name, group in GROUPS.items():
            costs = {"cpu_us": 1.0, "cpu_us_rounds": [1.0], "p50_us": 1.0, "p99_us": 1.0, "event_p99_us": 1.0}
            figures = {row.name: dict(costs, cpu_us=number + 1.0) for number, row in enumerate(group.rows)}
            rounds.compare(group.rows, figures)
            for row in group.rows:
                self.assertLessEqual(set(row.goals), set(figures[row.name]), name)


    def test_what_records_cost_is_told_by_the_rounds_not_by_the_middle_of_all(self) -> None:
        # The machine became slower during the measurement: each round knows, medians do not.
        with_records, without = [105.0, 205.0, 210.0], [100.0, 101.0, 204.0]
        group = GROUPS["records"]
        told = ([50.0] * 3, with_records, without)
        figures = {row.name: {"cpu_us": sorted(each)[1], "cpu_us_rounds": each} for row, each in zip(group.rows, told)}
        rounds.compare(group.rows, figures)
        self.assertEqual(figures["Sluice, no records"]["records_us"], 6.0)


class Costs(unittest.TestCase):
    def test_cpu_time_is_what_the_process_used(self) -> None:
        before, own = process.cpu(os.getpid()), time.process_time()
        while time.process_time() - own < 0.05:
            pass
        used = sum(process.cpu(os.getpid()).since(before))
        self.assertAlmostEqual(used, time.process_time() - own, delta=0.02)


class Longest(unittest.TestCase):
    def test_the_longest_turn_is_that_since_it_was_asked_for_last(self) -> None:
        text = "listener_manager.worker_0.dispatcher.loop_duration_us: P0(1,1) P99.9(180,436.6) P100(735.5,2050)"
        self.assertEqual(longest.longest(text), 0.7355)

    def test_nothing_that_was_measured_is_no_time(self) -> None:
        self.assertEqual(longest.longest("listener_manager.worker_0.dispatcher.loop_duration_us: No recorded values"), 0.0)

    def test_the_inputs_are_as_large_as_their_names_say(self) -> None:
        sizes = {name: len(asked.load().text()) for name, asked in longest.INPUTS.items()}
        self.assertAlmostEqual(sizes["universal, a step of 5 MB"], 5_000_000, delta=1000)
        self.assertAlmostEqual(sizes["request 4 MB of brackets"], 4_000_000, delta=1000)


class Pairs(unittest.TestCase):
    def test_only_rows_of_ours_are_compared_with_the_base(self) -> None:
        group = base.paired(GROUPS["hit"])
        self.assertEqual([row.who for row in group.rows], ["plain", "base", "sluice"])
        self.assertEqual((group.rows[0], group.rows[2].pair), (PLAIN, "base: Sluice, hit"))


class Soak(unittest.TestCase):
    def test_the_kinds_are_a_hundred_parts(self) -> None:
        self.assertEqual(sum(kind.share for kind in soak.KINDS.values()), 100)

    def test_a_hit_is_no_call_of_the_provider(self) -> None:
        records, answers = soak.expected({"hit 200 HIT whole": 3, "hit 200 MISS whole": 1})
        self.assertEqual(records, {"cached cached 200": 3, "cached answered 200": 1})
        self.assertEqual(answers, {"json:1024": 1})

    def test_a_failed_step_has_a_record_and_a_call_of_its_own(self) -> None:
        records, answers = soak.expected({"fallback 200 - whole": 2})
        self.assertEqual(records, {"ordinary answered 200": 2, "ordinary answered 503": 2})
        self.assertEqual(answers, {"json:1024": 2, "status:503": 2})

    def test_a_call_that_ends_otherwise_than_its_kind_ends_the_soak(self) -> None:
        for told in ("pass 500 - whole", "pass 200 - cut", "provider-cuts 200 - whole"):
            with self.assertRaises(SystemExit):
                soak.expected({told: 1})


if __name__ == "__main__":
    unittest.main()
