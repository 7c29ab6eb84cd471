"""The board and the alerts: well-formed, about metrics that exist, and with data in a real Prometheus."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import unittest
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from stand import ROOT, SHIPPED, Prometheus, standing, until

import build
from project import WASM

BOARD = json.loads((ROOT / "envoy" / "grafana" / "sluice.json").read_text())
ALERTS = (SHIPPED / "alerts.yml").read_text()
EXPECTED = Path(__file__).parent / "alerts_test.yml"
README = (ROOT / "README.md").read_text()
METRIC = re.compile(r"\b(?:sluice|gen_ai_(?:client|server))_\w+")
VARIABLE = re.compile(r'"\$(?:account|gateway|provider|model)"')


def panels() -> Iterator[dict]:
    yield from (panel for panel in BOARD["panels"] if panel["type"] != "row")


def queries() -> Iterator[tuple[str, str]]:
    """Panel and expression, as Grafana would send it for a short time with all values of every variable."""
    for panel in panels():
        for target in panel["targets"]:
            expression = VARIABLE.sub('".*"', target["expr"])
            yield panel["title"], expression.replace("$__rate_interval", "20s").replace("$__range", "60s")


def stem(metric: str) -> str:
    return re.sub(r"_(?:bucket|sum|count)$", "", metric)


class Files(unittest.TestCase):
    def test_promtool_takes_the_configuration_and_the_rules(self) -> None:
        for command in (("config", "prometheus.yml"), ("rules", "alerts.yml")):
            checking = ["promtool", "check", command[0], str(SHIPPED / command[1])]
            done = subprocess.run(checking, check=False, capture_output=True, text=True)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_every_alert_fires_on_what_it_is_for_and_on_nothing_else(self) -> None:
        testing = ["promtool", "test", "rules", str(EXPECTED)]
        done = subprocess.run(testing, check=False, capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        alerts = set(re.findall(r"- alert: (\w+)", ALERTS))
        expected = EXPECTED.read_text()
        fires = re.findall(r"alertname: (\w+)\n +exp_alerts:\n +- exp_labels", expected)
        quiet = re.findall(r"\{eval_time: 3h, alertname: (\w+)\}", expected)
        self.assertEqual((set(fires), set(quiet)), (alerts, alerts))

    def test_board_and_alerts_name_only_metrics_of_the_readme_and_the_board_all_of_them(self) -> None:
        documented = set(re.findall(r"^\| `(\w+)` \| (?:counter|gauge|histogram) \|", README, re.MULTILINE))
        on_board = {stem(metric) for _, expression in queries() for metric in METRIC.findall(expression)}
        self.assertEqual(on_board, documented)
        expressions = re.findall(r"expr:(.*?)\n    (?:for|labels|annotations):", ALERTS, re.DOTALL)
        in_alerts = {stem(metric) for expression in expressions for metric in METRIC.findall(expression)}
        self.assertLessEqual(in_alerts - documented, set())

    def test_panels_are_told_apart_and_do_not_overlap(self) -> None:
        self.assertEqual(len({panel["id"] for panel in BOARD["panels"]}), len(BOARD["panels"]))
        taken: set[tuple[int, int]] = set()
        for panel in BOARD["panels"]:
            at = panel["gridPos"]
            cells = {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
            self.assertFalse(cells & taken, panel["title"])
            self.assertLessEqual(at["x"] + at["w"], 24)
            taken |= cells

    def test_every_query_asks_the_data_source_that_was_chosen(self) -> None:
        for panel in panels():
            for target in (panel, *panel["targets"]):
                self.assertEqual(target["datasource"]["uid"], "${datasource}", panel["title"])


class Running(unittest.TestCase):
    prometheus: Prometheus

    @classmethod
    def setUpClass(cls) -> None:
        if not WASM.exists():
            build.build()
        stack = ExitStack()
        cls.addClassCleanup(stack.close)
        _, cls.prometheus = stack.enter_context(standing(free_port()))
        until("the first scrape", lambda: cls.prometheus.query("sluice_requests_total"))

    def test_every_query_of_the_board_has_data(self) -> None:
        missing = dict.fromkeys(queries())

        def probe() -> bool:
            for query in list(missing):
                if self.prometheus.query(query[1]):
                    del missing[query]
            return not missing

        try:
            until("data", probe, 90)
        except AssertionError:
            self.fail("no data for " + "\n".join(f"{panel}: {expression}" for panel, expression in missing))

    def test_alerts_fire_when_providers_fail_and_records_are_lost(self) -> None:
        wanted = {"SluiceProviderFails", "SluiceProviderLimits", "SluiceUnpriced", "SluiceLogLoses"}

        def firing() -> set[str]:
            alerts = self.prometheus.get("alerts")["alerts"]
            return {alert["labels"]["alertname"] for alert in alerts if alert["state"] == "firing"}

        until(f"{wanted} fire", lambda: wanted <= firing(), 90)
        self.assertNotIn("SluiceSlow", firing())
        self.assertNotIn("SluiceFilterReloads", firing())

    def test_no_rule_fails_and_every_alert_reads_metrics_that_are_scraped(self) -> None:
        def rules() -> list[dict]:
            groups = self.prometheus.get("rules")["groups"]
            found = [rule for group in groups for rule in group["rules"]]
            return found if found and all(rule["health"] != "unknown" for rule in found) else []

        for rule in until("the rules are evaluated", rules):
            self.assertEqual(rule["health"], "ok", rule)
            for metric in re.findall(r"\b(?:sluice|gen_ai|envoy)_\w+", re.sub(r"by \([^)]*\)", "", rule["query"])):
                if not metric.startswith("gen_ai_provider") and not metric.startswith("gen_ai_request"):
                    until(f"{metric} is scraped", lambda name=metric: self.prometheus.query(name))

    def test_the_scrape_has_nothing_but_what_the_configuration_asks_for(self) -> None:
        names = self.prometheus.get("label/__name__/values")
        strays = [name for name in names if not METRIC.match(name) and not name.startswith("envoy_wasm_")]
        own = {"up", "ALERTS", "ALERTS_FOR_STATE"}
        self.assertEqual([name for name in strays if name not in own and not name.startswith("scrape_")], [])


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


if __name__ == "__main__":
    unittest.main()
