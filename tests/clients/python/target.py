"""Where the SDKs are pointed: at a gateway (`GATEWAY_URL`) or, without one, straight at a provider (`BASE_URL`).

The tests that are not marked `gateway_only` must pass either way with the same assertions: that is the product's
promise that nothing about a call changes except its base URL.
"""

import os
import uuid

import pytest

GATEWAY_URL = os.environ.get("GATEWAY_URL", "").rstrip("/")
PROVIDER_URL = os.environ.get("BASE_URL", "").rstrip("/")
CREDENTIAL = "demo-token"
"""What opens the gateway `locked` of the bundled configuration."""

gateway_only = pytest.mark.skipif(not GATEWAY_URL, reason="needs GATEWAY_URL")
"""Skips a test where the SDKs talk to a provider directly."""


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
