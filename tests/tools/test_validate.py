"""`make validate`: what is accepted, and how what is not is told."""

from __future__ import annotations

import json
import re
import unittest

from tooling import ROOT, validate

SHIPPED = (ROOT / "envoy" / "envoy.yaml").read_text()
MODULE = "filename: target/sluice.wasm"
FLAG = "allow_on_headers_stop_iteration: true"


def edited(old: str, new: str) -> str:
    assert old in SHIPPED, old
    return SHIPPED.replace(old, new)


class Validate(unittest.TestCase):
    def assert_valid(self, text: str) -> None:
        done = validate(text)
        self.assertEqual((done.returncode, done.stdout.count("\n")), (0, 1), done.stdout + done.stderr)
        self.assertTrue(done.stdout.endswith(" is valid\n"), done.stdout)

    def errors(self, text: str) -> list[str]:
        done = validate(text)
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        return done.stdout.splitlines()

    def test_the_module_is_found_however_its_name_is_written(self) -> None:
        self.assert_valid(SHIPPED)
        for name in ('"/etc/envoy/sluice.wasm"', "'/opt/my filters/sluice.wasm'", "/etc/envoy/sluice.wasm"):
            with self.subTest(name):
                self.assert_valid(edited(MODULE, f"filename: {name}"))

    def test_the_configurations_in_the_readme_are_valid_by_themselves(self) -> None:
        blocks = re.findall(r"^```yaml\n(.*?)^```", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
        self.assertTrue(any("gateways:" in block for block in blocks))
        for block in blocks:
            self.assert_valid(block)

    def test_a_configuration_alone_may_be_json_and_take_credentials_from_the_environment(self) -> None:
        credential = {"name": "app", "environment_variable": "SLUICE_APP_CREDENTIAL"}
        gateway = {"id": "a", "authentication": True, "credentials": [credential]}
        self.assert_valid(json.dumps({"gateways": [gateway]}, indent=1))
        self.assert_valid(f"# ours\n---\ngateways:\n- {json.dumps(gateway)}\n")

    def test_every_error_is_printed_with_its_path(self) -> None:
        errors = self.errors("gateways:\n- id: a\n  cache_ttl: 5\n- id: b c\n  colour: red\n")
        self.assertEqual(
            [error.partition(": ")[0] for error in errors],
            ["gateways[0].cache_ttl", "gateways[1].id", "gateways[1].colour"],
        )
        self.assertEqual(errors[0], "gateways[0].cache_ttl: 5 is below the minimum of 60 seconds")

    def test_errors_within_a_whole_configuration_are_printed_the_same(self) -> None:
        errors = self.errors(edited("cache_ttl: 300", "cache_ttl: 5"))
        self.assertEqual(errors, ["gateways[0].cache_ttl: 5 is below the minimum of 60 seconds"])

    def test_a_file_without_the_filter_is_not_valid(self) -> None:
        told = ["this file does not load the filter (no sluice plugin)"]
        self.assertEqual(self.errors("admin: {}\n"), told)
        self.assertEqual(self.errors("{}\n"), told)
        http_filter = r"^ +- name: envoy.filters.http.wasm\n(?: {12}.*\n)*"
        without, count = re.subn(http_filter, "", SHIPPED.replace("*reload", "{}"), flags=re.MULTILINE)
        self.assertEqual(count, 3)
        self.assertEqual(self.errors(without), told)

    def test_a_mount_that_never_gets_a_body_is_not_valid(self) -> None:
        for mount in ("", FLAG.replace("true", "false")):
            errors = self.errors(edited(FLAG, mount))
            mounts = ["plugin sluice", "plugin sluice-console", "plugin sluice-attempt"]
            self.assertEqual([error.partition(":")[0] for error in errors], mounts)
            for error in errors:
                self.assertIn(f"add `{FLAG}`", error)

    def test_a_cluster_that_attempts_go_straight_to_has_the_role(self) -> None:
        direct = (ROOT / "envoy" / "direct.yaml").read_text()
        self.assert_valid(direct)
        bare, count = re.subn(r"^ +http_filters: \*attempts\n", "", direct, flags=re.MULTILINE)
        self.assertEqual(count, 1)
        errors = self.errors(bare)
        self.assertEqual([error.partition(":")[0] for error in errors], ["cluster anthropic", "cluster groq", "cluster openai"])
        for error in errors:
            self.assertIn("mount the role `attempt-upstream`", error)

    def test_a_misspelt_type_or_field_is_one_short_line(self) -> None:
        (error,) = self.errors(edited("http.router.v3.Router", "http.router.v3.Ruter"))
        self.assertEqual(
            error, "could not find @type 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Ruter'"
        )
        (error,) = self.errors(edited("stat_prefix:", "stat_prefox:"))
        self.assertRegex(error, r"^static_resources\.listeners\[0\]\.\S+: no such field: 'stat_prefox'$")

    def test_broken_yaml_is_one_line_with_its_place(self) -> None:
        (error,) = self.errors("gateways: [\n")
        self.assertIn("line 2", error)
