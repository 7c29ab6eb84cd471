"""How the shipped configuration is changed for a run, and what becomes of Envoy's complaints."""

from __future__ import annotations

import unittest

from tooling import ROOT

import gateway

SHIPPED = (ROOT / "envoy" / "envoy.yaml").read_text()


class Ports(unittest.TestCase):
    def test_each_port_may_be_the_other_ones_default(self) -> None:
        for listen, admin in ((9901, 12911), (12911, 10000), (9901, 10000), (10000, 9901)):
            text = gateway.with_ports(SHIPPED, listen, admin).splitlines()
            self.assertIn(f"    address: {{socket_address: {{address: 127.0.0.1, port_value: {listen}}}}}", text)
            self.assertIn(f"admin: {{address: {{socket_address: {{address: 127.0.0.1, port_value: {admin}}}}}}}", text)


class Complaints(unittest.TestCase):
    def test_the_filters_own_errors_come_alone_and_once(self) -> None:
        line = "[time][7][error][wasm] [place] wasm log sluice gateway: sluice: configuration refused: a.b: is wrong\n"
        self.assertEqual(
            gateway.complaints(line * 2 + "[time][7][critical][main] [place] no start\n"), ["a.b: is wrong"]
        )

    def test_no_complaint_is_longer_than_a_reader_can_take(self) -> None:
        (line,) = gateway.complaints(f"[time][7][critical][main] [place] {'x' * 10_000}\n")
        self.assertLess(len(line), 600)
