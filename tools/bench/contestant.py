"""The Envoys that are compared: envoy/envoy.yaml without its access log, with one worker on a core of its own."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import gateway
from bench.traffic import TOKEN
from project import CARGO_TARGET, WASM

CORE, OTHER_CORE = 0, 1
NOOP_WASM = CARGO_TARGET / "wasm32-wasip1" / "release" / "sluice_noop.wasm"

# What an operator has on: authentication, a rate limit, records, usage and cost, metrics. A gateway for each feature less.
ORDINARY = {
    "authentication": True,
    "credentials": [{"name": "bench", "sha256": hashlib.sha256(TOKEN.encode()).hexdigest()}],
    "rate_limiting_limit": 1_000_000_000,
    "rate_limiting_interval": 60,
    "rate_limiting_technique": "sliding",
}
UNLIMITED = {name: value for name, value in ORDINARY.items() if not name.startswith("rate")}
GATEWAYS = {
    "ordinary": ORDINARY,
    "cached": ORDINARY | {"cache_ttl": 3600},
    "unlogged": ORDINARY | {"collect_logs": False},
    "open": ORDINARY | {"authentication": False},
    "unlimited": UNLIMITED,
    "bare": {"collect_logs": False},
}
CONFIGURATION = {
    "attempt_cluster": "sluice-attempts",
    "console": {"open": True},
    "log": {"line": False, "filter_state": False},
    "gateways": [{"id": name, **settings} for name, settings in GATEWAYS.items()],
}

NOOP = """\
          - name: envoy.filters.http.wasm
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm
              config:
                root_id: noop
                allow_on_headers_stop_iteration: true
                vm_config: {{vm_id: noop, runtime: envoy.wasm.runtime.v8, code: {{local: {{filename: "{wasm}"}}}}}}
                configuration: {{"@type": type.googleapis.com/google.protobuf.StringValue, value: "{deed}"}}
"""


def silent(text: str) -> str:
    """Without the access log."""
    return re.sub(r"^( *)access_log: (?:&log\n(?:\1- .*\n(?:\1  .*\n)*)+|\*log\n)", "", text, flags=re.MULTILINE)


def plain(text: str) -> str:
    """Without filter and keeper: the client names the cluster itself."""
    return silent(gateway.without(gateway.without(text, "envoy.filters.http.wasm"), "envoy.bootstrap.wasm"))


def noop(deed: str = "") -> object:
    """Plain, with our other filter (benches/noop): it does nothing, or the deed."""

    def edit(text: str) -> str:
        router = "          - &router\n"
        return plain(text).replace(router, NOOP.format(wasm=NOOP_WASM, deed=deed) + router)

    return edit


def sluice(wasm: Path = WASM, settings: dict = CONFIGURATION) -> object:
    """With the filter of that module, so configured."""
    value = json.dumps(json.dumps(settings))
    configuration = f'configuration: &sluice {{"@type": type.googleapis.com/google.protobuf.StringValue, value: {value}}}\n'

    def edit(text: str) -> str:
        text = silent(text).replace(str(WASM), str(wasm))
        return re.sub(r"^( *)configuration: &sluice\n(?:\1 .*\n)*", lambda it: it[1] + configuration, text, flags=re.M)

    return edit


EDITS = {"plain": plain, "noop": noop(), "hash": noop("hash"), "ask": noop("ask"), "sluice": sluice()}


def start(name: str, upstream: str, edit=None, workers: int = 1) -> gateway.Gateway:
    """One contestant, to be used with `with`: one worker has a core of its own, several have them all."""
    edit = edit or EDITS[name]
    cores = str(CORE) if workers == 1 else f"{CORE},{OTHER_CORE}"
    return gateway.Gateway(f"bench-{name}", upstream=upstream, edit=edit, workers=workers, cores=cores)
