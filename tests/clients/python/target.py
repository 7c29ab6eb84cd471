"""Where the SDKs are pointed: at a gateway (`GATEWAY_URL`) or, without one, straight at a provider (`BASE_URL`).

The tests that are not marked `gateway_only` must pass either way with the same assertions: that is the product's
promise that nothing about a call changes except its base URL.
"""

import json
import os
import time
import uuid
from pathlib import Path

import httpx2
import pytest

GATEWAY_URL = os.environ.get("GATEWAY_URL", "").rstrip("/")
PROVIDER_URL = os.environ.get("BASE_URL", "").rstrip("/")
CREDENTIAL = "demo-token"
"""What opens the gateway `locked` of the bundled configuration."""

RETRYING = {"cf-aig-max-attempts": "3", "cf-aig-retry-delay": "10"}
"""Has the gateway ask a failing provider again, twice."""
ACCESS_LOG = os.environ.get("GATEWAY_ACCESS_LOG", "")

CONSOLE_URL = os.environ.get("CONSOLE_URL", "").rstrip("/")
"""The listener of the control API."""

gateway_only = pytest.mark.skipif(not GATEWAY_URL, reason="needs GATEWAY_URL")
"""Skips a test where the SDKs talk to a provider directly."""
console_only = pytest.mark.skipif(not CONSOLE_URL, reason="needs CONSOLE_URL")
"""Skips a test of the control API where it is not at hand."""
records_only = pytest.mark.skipif(not ACCESS_LOG, reason="needs GATEWAY_ACCESS_LOG")
"""Skips a test of log records where the gateway's access log is not at hand."""


def url(provider: str, gateway: str = "my-gateway") -> str:
    """The base URL for an SDK of `provider`; the account id may be anything."""
    if GATEWAY_URL:
        return f"{GATEWAY_URL}/v1/any-account/{gateway}/{provider}"
    if not PROVIDER_URL:
        pytest.exit("set GATEWAY_URL or BASE_URL, or use run_python.py", returncode=3)
    return f"{PROVIDER_URL}/v1" if provider == "openai" else PROVIDER_URL


def unseen(prompt: str) -> str:
    """A prompt that no earlier test can have put into the cache."""
    return f"{prompt} ({uuid.uuid4()})"


def refusal(error: Exception) -> tuple[int, str]:
    """The gateway's code and message out of an SDK exception, after checking its envelope (contract §11)."""
    body = error.response.json()
    assert body["success"] is False
    assert body["name"] == "AiGatewayError"
    assert body["httpCode"] == error.status_code
    assert body["error"] == [{"code": body["internalCode"], "message": body["message"]}]
    assert error.response.headers["cf-aig-step"] == "0"
    return body["internalCode"], body["message"]


def attempts(prompt: str) -> list[tuple[str, dict[str, str]]]:
    """Path and headers of what the mock provider got for `prompt`, in order: it tells through the gateway, too."""
    requests = httpx2.get(f"{url('openai')}/mock/requests").json()["requests"]
    mine = [request for request in requests if prompt in request["body"]]
    return [(request["path"], {name.lower(): value for name, value in request["headers"]}) for request in mine]


def records(event: str, count: int) -> list[dict]:
    """The log records of an event, once there are `count`: Envoy writes its access log a moment after the answer."""
    deadline = time.monotonic() + 10
    while True:
        lines = Path(ACCESS_LOG).read_text().split("\n")[:-1]
        found = [json.loads(record) for line in lines if (record := json.loads(line)["record"])]
        found = [record for record in found if record["event_id"] == event]
        if len(found) >= count or time.monotonic() > deadline:
            return found
        time.sleep(0.05)
