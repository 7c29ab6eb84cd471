"""The hosted service's own SDK drives the control API: nothing is changed but its base URL."""

import json
import time

import cloudflare
import pytest
from cloudflare import Cloudflare
from openai import OpenAI

import target

ACCOUNT = "any-account"
GATEWAY = {"gateway_id": "my-gateway", "account_id": ACCOUNT}


def _client() -> Cloudflare:
    return Cloudflare(api_token="an-open-console-needs-none", base_url=f"{target.CONSOLE_URL}/client/v4", max_retries=0)


def _call(prompt: str, **options) -> str:
    """Makes a call that is logged with its bodies, and returns the id of its log once it is there."""
    provider = OpenAI(api_key="sk-test", base_url=target.url("openai"), max_retries=0)
    messages = [{"role": "user", "content": prompt}]
    headers = {"cf-aig-skip-cache": "true", "cf-aig-metadata": '{"prompt": "%s"}' % prompt[:40]}
    answer = provider.chat.completions.with_raw_response.create(
        model="gpt-4o-mini", messages=messages, extra_headers=headers, **options
    )
    answer.parse()
    log_id, deadline = answer.headers["cf-aig-log-id"], time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            return _client().ai_gateway.logs.get(log_id, **GATEWAY).id
        except cloudflare.NotFoundError:
            time.sleep(0.02)
    raise AssertionError(f"no log {log_id}")


def _filter(key: str, operator: str, *values) -> dict:
    return {"key": key, "operator": operator, "value": list(values)}


@target.console_only
def logs_are_listed_with_filters_of_every_type() -> None:
    prompt = target.unseen("list")
    log_id = _call(prompt)
    logs = _client().ai_gateway.logs
    found = logs.list("my-gateway", account_id=ACCOUNT, filters=[_filter("metadata.value", "eq", prompt[:40])])
    (log,) = found.result
    assert (log.id, log.provider, log.success, log.cached) == (log_id, "openai", True, False)
    assert isinstance(log.duration, int) and log.created_at.year >= 2026 and log.status_code == 200
    several = logs.list("my-gateway", account_id=ACCOUNT, filters=[_filter("id", "eq", log_id, "none")])
    assert [each.id for each in several.result] == [log_id]
    same = [
        _filter("id", "eq", log_id),
        _filter("provider", "eq", "openai"),
        _filter("success", "eq", True),
        _filter("cached", "eq", False),
        _filter("cost", "gt", -1),
        _filter("created_at", "gt", "2026-01-01T00:00:00Z"),
        _filter("model", "contains", "GPT-4"),
        _filter("user_agent", "neq", "nobody"),
    ]
    found = logs.list("my-gateway", account_id=ACCOUNT, filters=same, meta_info=True, per_page=50, order_by="created_at")
    assert [each.id for each in found.result] == [log_id]
    assert logs.list("my-gateway", account_id=ACCOUNT, filters=[*same, _filter("cached", "eq", True)]).result == []
    # The SDK leaves out null, and its HTTP client sorts parameters by name: what that cannot say, JSON can.
    filters = json.dumps([*same, _filter("feedback", "eq", None), _filter("model", "eq", "none", log.model)])
    found = logs.list("my-gateway", account_id=ACCOUNT, extra_query={"filters": filters})
    assert [each.id for each in found.result] == [log_id]


@target.console_only
def pages_follow_each_other_to_the_end() -> None:
    for _ in range(3):
        _call(target.unseen("page"))
    logs = _client().ai_gateway.logs
    every = [each.id for each in logs.list("my-gateway", account_id=ACCOUNT, per_page=2, provider="openai")]
    assert len(every) >= 3 and len(set(every)) == len(every)


@target.console_only
def a_wrong_parameter_is_an_exception_with_its_code() -> None:
    with pytest.raises(cloudflare.BadRequestError) as refused:
        _client().ai_gateway.logs.list("my-gateway", account_id=ACCOUNT, per_page=100)
    assert [(error.code, "per_page" in error.message) for error in refused.value.errors] == [(7001, True)]


@target.console_only
def a_log_is_read_with_its_request_and_response() -> None:
    prompt = target.unseen("read")
    log_id = _call(prompt)
    logs = _client().ai_gateway.logs
    log = logs.get(log_id, **GATEWAY)
    assert log.request_head_complete and prompt in log.request_head and log.response_size > 0
    request, response = logs.request(log_id, **GATEWAY), logs.response(log_id, **GATEWAY)
    assert request["messages"][0]["content"] == prompt
    assert response["object"] == "chat.completion"
    with pytest.raises(cloudflare.NotFoundError) as missing:
        logs.get("019a0000-0000-7000-8000-000000000000", **GATEWAY)
    assert missing.value.errors[0].code == 7002


@target.console_only
def feedback_score_and_metadata_are_patched() -> None:
    log_id = _call(target.unseen("patch"))
    logs = _client().ai_gateway.logs
    logs.edit(log_id, **GATEWAY, feedback=1, score=80, metadata={"team": "blue", "n": 3})
    (log,) = logs.list("my-gateway", account_id=ACCOUNT, filters=[_filter("id", "eq", log_id)]).result
    assert (log.feedback, log.score, log.metadata) == (1, 80, {"team": "blue", "n": 3})
    logs.edit(log_id, **GATEWAY, feedback=None)
    assert logs.get(log_id, **GATEWAY).feedback is None


@target.console_only
def logs_are_deleted_by_filter() -> None:
    log_id, other = _call(target.unseen("delete")), _call(target.unseen("keep"))
    logs = _client().ai_gateway.logs
    done = logs.delete("my-gateway", account_id=ACCOUNT, filters=[_filter("id", "eq", log_id)], limit=5)
    assert done.success
    with pytest.raises(cloudflare.NotFoundError):
        logs.get(log_id, **GATEWAY)
    assert logs.get(other, **GATEWAY).id == other


@target.console_only
def gateways_are_read_and_written_in_the_configuration_only() -> None:
    gateways = _client().ai_gateway
    assert {each.id for each in gateways.list(account_id=ACCOUNT)} == {"my-gateway", "locked", "limited"}
    limited = gateways.get("limited", account_id=ACCOUNT)
    assert (limited.rate_limiting_limit, limited.rate_limiting_technique) == (5, "sliding")
    with pytest.raises(cloudflare.APIStatusError) as refused:
        gateways.delete("limited", account_id=ACCOUNT)
    assert refused.value.status_code == 405 and "`gateways`" in refused.value.errors[0].message


@target.console_only
def urls_lead_to_the_gateway() -> None:
    assert _client().ai_gateway.urls.get("openai", **GATEWAY) == target.url("openai")


@target.console_only
def datasets_and_evaluations_live_from_their_making_to_their_end() -> None:
    _call(target.unseen("evaluate"))
    api = _client().ai_gateway
    dataset = api.datasets.create(
        "my-gateway", account_id=ACCOUNT, enable=True, name="openai", filters=[_filter("provider", "eq", "openai")]
    )
    changed = api.datasets.update(dataset.id, **GATEWAY, enable=True, name="renamed", filters=dataset.filters)
    assert (changed.name, changed.filters[0].key) == ("renamed", "provider")
    types = [each.id for each in api.evaluation_types.list(account_id=ACCOUNT)]
    evaluation = api.evaluations.create(
        "my-gateway", account_id=ACCOUNT, name="all", dataset_ids=[dataset.id], evaluation_type_ids=types
    )
    assert evaluation.processed and evaluation.total_logs >= 1 and len(evaluation.results) == 3
    assert [each.id for each in api.evaluations.list("my-gateway", account_id=ACCOUNT)] == [evaluation.id]
    assert api.evaluations.get(evaluation.id, **GATEWAY).name == "all"
    assert api.evaluations.delete(evaluation.id, **GATEWAY).id == evaluation.id
    assert dataset.id in [each.id for each in api.datasets.list("my-gateway", account_id=ACCOUNT, search="renamed")]
    assert api.datasets.get(dataset.id, **GATEWAY).enable
    assert api.datasets.delete(dataset.id, **GATEWAY).id == dataset.id
