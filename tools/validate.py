"""`make validate CONFIG=file.yaml`: loads an Envoy configuration with the filter in it, without starting a gateway.

The file may also be the filter's own configuration alone; it is then tried within envoy/envoy.yaml. Prints each error
once, with its path and remedy as the filter gives them, and exits with 1; else says that it is valid.
"""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import build
import gateway
from project import ROOT, fail

import envoy

FILTER = "envoy.extensions.filters.http.wasm.v3.Wasm"
NO_FILTER = "this file does not load the filter (no sluice plugin)"
NO_BODIES = (
    "plugin {}: add `allow_on_headers_stop_iteration: true` beside its vm_config: "
    "without it Envoy never delivers the body of a request that is held"
)
NO_ROLE = (
    "cluster {}: the route's map leads attempts straight there, so mount the role `attempt-upstream` in it: "
    "without it, it is sent what the attempt before was sent with, another provider's key too"
)
STATE = "wasm.sluice.next"


def main() -> int:
    if len(sys.argv) != 2 or not sys.argv[1]:
        fail("which file? write make validate CONFIG=file.yaml")
    file = Path(sys.argv[1])
    try:
        text = file.read_text()
    except (OSError, UnicodeDecodeError) as error:
        fail(f"{file}: {getattr(error, 'strerror', None) or 'is not UTF-8 text'}")
    with contextlib.redirect_stdout(sys.stderr):  # standard output is for the verdict
        build.build()
        errors = faults(text)
    print("\n".join(errors) or f"{file} is valid")
    return 1 if errors else 0


def faults(text: str) -> list[str]:
    document = as_envoy_reads(text)
    if isinstance(document, dict) and "gateways" in document and "static_resources" not in document:
        text, document = within_envoy(document), None
    code, log = load(gateway.located(text))
    errors = (gateway.complaints(log) or [f"Envoy ended with {code}"]) if code else []
    return errors + (mount_faults(document) if document is not None else [])


def load(text: str) -> tuple[int, str]:
    """Envoy's exit code and log after it loaded a configuration, the filter in it too."""
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        file.write(text)
        file.flush()
        command = [envoy.find(), "--mode", "validate", "-c", file.name]
        done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True, errors="replace")
    return done.returncode, done.stderr


def as_envoy_reads(text: str) -> Any:
    """The YAML with its anchors resolved; none where it is none. Python's library reads no YAML, but Envoy prints what it
    read when that is no configuration: the text goes into a field that it ignores, beside one that is wrong.
    """
    parts = re.split(r"^---.*$", text, flags=re.MULTILINE)
    first = next((part for part in parts if re.search(r"^\s*[^#\s]", part, re.MULTILINE)), "{}")
    _, log = load(f"document:\n{textwrap.indent(first, ' ')}\nnode: 0\n")
    start = log.find("): {")
    return json.JSONDecoder().raw_decode(log, start + 3)[0].get("document") if start >= 0 else None


def mount_faults(document: Any) -> list[str]:
    ours = [plugin for plugin in plugins(document) if is_ours(plugin)]
    deaf = [plugin for plugin in ours if plugin.get("allow_on_headers_stop_iteration") is not True]
    if not ours:
        return [NO_FILTER]
    faults = [NO_BODIES.format(plugin.get("name", "sluice")) for plugin in deaf]
    bare = sorted(straight(document) & {name for name, role in roles(document) if not role})
    return faults + [NO_ROLE.format(name) for name in bare]


def roles(document: Any) -> Iterator[tuple[str, bool]]:
    """Each cluster, and whether it lives attempts."""
    for cluster in (document.get("static_resources") or {}).get("clusters") or []:
        mounted = (plugin.get("root_id") for plugin in plugins(cluster) if is_ours(plugin))
        yield cluster.get("name"), "attempt-upstream" in mounted


def straight(node: Any) -> set[str]:
    """The clusters that the matchers of attempts name, those for everything else included."""
    if isinstance(node, dict):
        if "cluster_matcher" in node and STATE in json.dumps(node):
            return set(re.findall(r'"cluster": "([^"]+)"', json.dumps(node["cluster_matcher"])))
        node = list(node.values())
    return set().union(*map(straight, node)) if isinstance(node, list) else set()


def plugins(node: Any) -> Iterator[dict]:
    """The plugin of every Wasm HTTP filter in a configuration, also of one that is mounted by a TypedStruct."""
    if isinstance(node, dict):
        if str(node.get("type_url", node.get("@type"))).endswith(FILTER):
            plugin = node.get("value", node).get("config")
            yield plugin if isinstance(plugin, dict) else {}
        node = list(node.values())
    for child in node if isinstance(node, list) else []:
        yield from plugins(child)


def is_ours(plugin: dict) -> bool:
    return "sluice" in json.dumps([plugin.get("name"), plugin.get("vm_config")])


def within_envoy(configuration: dict) -> str:
    """envoy/envoy.yaml with another configuration of the filter, and with the variables that this one wants set."""
    text = json.dumps(configuration, ensure_ascii=False)
    names = set(re.findall(r'"environment_variable": "(\w+)"', text))
    variables = json.dumps({"key_values": {name: f"value-of-{name}" for name in sorted(names)}})
    shipped = gateway.CONFIG.read_text()
    if "console" not in configuration:
        shipped = gateway.without(shipped, "console")  # that listener is refused without its section
    shipped = re.sub(
        r"^( +)runtime: .*\n", rf"\g<0>\1environment_variables: {variables}\n", shipped, flags=re.MULTILINE
    )
    value = re.compile(r"(google\.protobuf\.Struct\n( +)value:)\n(?:\2 +.*\n)*")
    return value.sub(lambda found: f"{found[1]} {text}\n", shipped)


if __name__ == "__main__":
    sys.exit(main())
