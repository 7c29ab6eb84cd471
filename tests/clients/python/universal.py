"""The universal endpoint as a program without an SDK calls it: one POST, a list of steps (contract §1.2)."""

import json
import uuid

import httpx2
import pytest
import target

pytestmark = [target.gateway_only]
CLAUDE, GPT = "claude-haiku-4-5", "gpt-4o-mini"
ANTHROPIC, OPENAI = ("/v1/messages", "sk-ant-test"), ("/v1/chat/completions", "Bearer sk-test")


def _anthropic(prompt: str, model=CLAUDE, stream=False, **step) -> dict:
    query = {"model": model, "max_tokens": 64, "stream": stream, "messages": [{"role": "user", "content": prompt}]}
    headers = {"x-api-key": "sk-ant-test", "anthropic-version": "2023-06-01"}
    return {"provider": "anthropic", "endpoint": "v1/messages", "headers": headers, "query": query} | step


def _openai(prompt: str, model=GPT, stream=False, **step) -> dict:
    query = {"model": model, "stream": stream, "messages": [{"role": "user", "content": prompt}]}
    headers = {"authorization": "Bearer sk-test"}
    return {"provider": "openai", "endpoint": "chat/completions", "headers": headers, "query": query} | step


def _post(*steps: dict, gateway="my-gateway", **headers: str) -> httpx2.Response:
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx2.post(target.url("", gateway).rstrip("/"), json=steps, headers=headers, timeout=30)


def _attempts(prompt: str) -> list[tuple[str, str | None]]:
    """Path and credential of each attempt: what the other step's provider must not get would show here."""
    seen = target.attempts(prompt)
    return [(path, headers.get("x-api-key", headers.get("authorization"))) for path, headers in seen]


@pytest.mark.parametrize("status", [401, 402, 403, 404, 429, 500, 529])
def the_second_step_answers_when_the_first_fails(status):
    prompt = target.unseen("Say hello")
    answer = _post(_anthropic(prompt, f"mock-error-{status}"), _openai(prompt))
    assert (answer.status_code, answer.headers["cf-aig-step"]) == (200, "1")
    body = answer.json()
    assert body["model"] == GPT and prompt in body["choices"][0]["message"]["content"]
    assert _attempts(prompt) == [ANTHROPIC, OPENAI]


def the_answer_of_the_second_step_streams():
    prompt = target.unseen("Count to three")
    steps = [_openai(prompt, "mock-error-503", stream=True), _anthropic(prompt, stream=True)]
    with httpx2.stream("POST", target.url(""), json=steps, timeout=30) as answer:
        assert (answer.status_code, answer.headers["cf-aig-step"]) == (200, "1")
        assert answer.headers["content-type"].startswith("text/event-stream")
        pieces = list(answer.iter_bytes())
    assert len(pieces) > 1, "the answer came in one piece"
    events = [json.loads(line[6:]) for line in b"".join(pieces).decode().splitlines() if line.startswith("data: ")]
    assert (events[0]["type"], events[-1]["type"]) == ("message_start", "message_stop")
    assert _attempts(prompt) == [OPENAI, ANTHROPIC]


def a_first_step_that_answers_is_the_only_one():
    prompt = target.unseen("Say hello")
    answer = _post(_openai(prompt), _anthropic(prompt))
    assert (answer.json()["model"], answer.headers["cf-aig-step"]) == (GPT, "0")
    assert _attempts(prompt) == [OPENAI]


def the_attempts_at_a_step_come_before_the_next_one():
    prompt = target.unseen("Say hello")
    config = {"maxAttempts": 3, "retryDelay": 10, "backoff": "constant"}
    answer = _post(_openai(prompt, "mock-error-500", config=config), _anthropic(prompt))
    assert (answer.status_code, answer.headers["cf-aig-step"]) == (200, "1")
    assert _attempts(prompt) == [OPENAI, OPENAI, OPENAI, ANTHROPIC]


def the_last_steps_error_is_the_answer_when_all_fail():
    prompt = target.unseen("Say hello")
    answer = _post(_openai(prompt, "mock-error-500"), _anthropic(prompt, "mock-error-529"))
    assert (answer.status_code, answer.headers["cf-aig-step"]) == (529, "1")
    assert answer.json()["error"]["type"] == "overloaded_error"


def a_step_may_be_a_unified_one_or_name_its_credential_apart():
    prompt = target.unseen("Say hello")
    unified = _openai(prompt, f"anthropic/{CLAUDE}", provider="compat")
    apart = _openai(prompt, "mock-error-404", headers={}, authorization="Bearer sk-apart")
    answer = _post(apart, unified)
    assert (answer.json()["model"], answer.headers["cf-aig-step"]) == (CLAUDE, "1")
    assert _attempts(prompt) == [("/v1/chat/completions", "Bearer sk-apart"), OPENAI]


@target.records_only
def every_step_that_was_tried_has_a_record_and_one_event():
    prompt, event = target.unseen("Say hello"), str(uuid.uuid4())
    answer = _post(_anthropic(prompt, "mock-error-500"), _openai(prompt), _anthropic(prompt), cf_aig_event_id=event)
    assert answer.headers["cf-aig-event-id"] == event
    records = target.records(event, 2)
    seen = [(record["step"], record["provider"], record["status_code"], record["success"]) for record in records]
    assert seen == [(0, "anthropic", 500, False), (1, "openai", 200, True)]
    assert records[1]["id"] == answer.headers["cf-aig-log-id"] and records[1]["cost"] > 0


def a_step_that_is_not_whole_is_refused_with_its_place():
    prompt = target.unseen("Say hello")
    broken = _openai(prompt)
    del broken["query"]
    answer = _post(_openai(prompt), broken)
    assert answer.status_code == 400 and "[1].query: missing" in answer.json()["message"]
    assert _attempts(prompt) == []


def a_locked_gateway_opens_to_its_credential_which_no_step_gets():
    prompt = target.unseen("Say hello")
    steps = _anthropic(prompt, "mock-error-401"), _openai(prompt)
    refused = _post(*steps, gateway="locked")
    assert (refused.status_code, refused.json()["internalCode"]) == (401, 2009)
    assert _post(*steps, gateway="locked", cf_aig_authorization=f"Bearer {target.CREDENTIAL}").status_code == 200
    seen = target.attempts(prompt)
    assert len(seen) == 2
    assert not any(target.CREDENTIAL in value for _, headers in seen for value in headers.values())
    assert not any(name.startswith(("cf-aig-", "x-sluice-", "x-envoy-")) for _, headers in seen for name in headers)
