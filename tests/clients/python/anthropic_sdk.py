"""The official `anthropic` package against the gateway, changed in nothing but base URL and default headers."""

import asyncio
import time

import anthropic
import pytest
import target
from anthropic import Anthropic, AsyncAnthropic

MODEL = "claude-haiku-4-5"
WEATHER = {
    "name": "get_weather",
    "description": "The weather in a city",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}


def _client(gateway="my-gateway", **options) -> Anthropic:
    options = {"api_key": "sk-ant-test", "max_retries": 0} | options
    return Anthropic(base_url=target.url("anthropic", gateway), **options)


def _ask(prompt: str, **more) -> dict:
    return {"model": MODEL, "max_tokens": 64, "messages": [{"role": "user", "content": prompt}]} | more


def _text(message) -> str:
    return "".join(block.text for block in message.content if block.type == "text")


def _assert_answer(message):
    assert message.type == "message" and message.role == "assistant"
    assert message.model == MODEL and message.stop_reason == "end_turn"
    assert _text(message)
    assert message.usage.input_tokens > 0 and message.usage.output_tokens > 0


def a_message_arrives_with_text_and_usage():
    _assert_answer(_client().messages.create(**_ask(target.unseen("Say hello"))))


def a_stream_assembles_to_a_whole_message():
    with _client().messages.stream(**_ask(target.unseen("Count to three"))) as stream:
        pieces = list(stream.text_stream)
        message = stream.get_final_message()
    assert len(pieces) > 1, "the answer came in one piece"
    assert "".join(pieces) == _text(message)
    _assert_answer(message)


def a_raw_stream_has_its_events_in_order():
    events = [event.type for event in _client().messages.create(**_ask(target.unseen("Hello"), stream=True))]
    assert events[0] == "message_start" and events[-2:] == ["message_delta", "message_stop"]
    assert (
        events.index("content_block_start") < events.index("content_block_delta") < events.index("content_block_stop")
    )


def a_tool_call_arrives_as_tool_use():
    message = _client().messages.create(**_ask(target.unseen("Weather in Paris?"), tools=[WEATHER]))
    _assert_tool_use(message)


def a_streamed_tool_call_assembles_its_input():
    with _client().messages.stream(**_ask(target.unseen("Weather in Paris?"), tools=[WEATHER])) as stream:
        _assert_tool_use(stream.get_final_message())


def _assert_tool_use(message):
    [call] = [block for block in message.content if block.type == "tool_use"]
    assert message.stop_reason == "tool_use"
    assert call.id and call.name == "get_weather" and isinstance(call.input, dict)


@pytest.mark.parametrize(
    ("status", "expected", "kind"),
    [
        (401, anthropic.AuthenticationError, "authentication_error"),
        (429, anthropic.RateLimitError, "rate_limit_error"),
        (500, anthropic.InternalServerError, "api_error"),
        (529, anthropic.OverloadedError, "overloaded_error"),
    ],
)
def a_provider_error_keeps_its_exception_class(status, expected, kind):
    with pytest.raises(expected) as caught:
        _client().messages.create(**_ask("Hello", model=f"mock-error-{status}"))
    assert type(caught.value) is expected and caught.value.status_code == status
    assert caught.value.type == kind, "the provider's own body must reach the SDK"


def an_async_client_gets_messages_and_streams():
    async def calls():
        async with AsyncAnthropic(base_url=target.url("anthropic"), api_key="sk-ant-test", max_retries=0) as client:
            message = client.messages.create(**_ask(target.unseen("Hello")))
            async with client.messages.stream(**_ask(target.unseen("Hello"))) as stream:
                return await message, await stream.get_final_message()

    for message in asyncio.run(calls()):
        _assert_answer(message)


@target.gateway_only
def an_answer_names_its_log_record():
    response = _client().messages.with_raw_response.create(**_ask(target.unseen("Hello")))
    assert response.headers["cf-aig-log-id"] and response.headers["cf-aig-event-id"]
    assert response.headers["cf-aig-step"] == "0"


@target.gateway_only
def the_same_message_again_is_a_hit():
    ask = _ask(target.unseen("Say hello"))
    first, second = (_client().messages.with_raw_response.create(**ask) for _ in range(2))
    assert (first.headers["cf-aig-cache-status"], second.headers["cf-aig-cache-status"]) == ("MISS", "HIT")
    assert "age" not in first.headers and int(second.headers["age"]) >= 0
    assert first.parse().to_dict() == second.parse().to_dict()
    assert first.headers["cf-aig-log-id"] != second.headers["cf-aig-log-id"], "a hit is an exchange of its own"


@target.gateway_only
def another_api_key_does_not_share_the_cache():
    ask = _ask(target.unseen("Say hello"))
    _client().messages.create(**ask)
    response = _client(api_key="sk-ant-other").messages.with_raw_response.create(**ask)
    assert response.headers["cf-aig-cache-status"] == "MISS"


@target.gateway_only
def skip_cache_as_a_default_or_extra_header_reads_past_a_stored_answer():
    ask, skip = _ask(target.unseen("Say hello")), {"cf-aig-skip-cache": "true"}
    _client().messages.create(**ask)
    by_default = _client(default_headers=skip).messages.with_raw_response.create(**ask)
    by_call = _client().messages.with_raw_response.create(**ask, extra_headers=skip)
    without = _client().messages.with_raw_response.create(**ask)
    statuses = [response.headers["cf-aig-cache-status"] for response in (by_default, by_call, without)]
    assert statuses == ["MISS", "MISS", "HIT"]


@target.gateway_only
def a_stream_is_replayed_event_for_event():
    ask = _ask(target.unseen("Count to three"))
    (miss, first), (hit, second) = _streamed(ask), _streamed(ask)
    assert (miss["cf-aig-cache-status"], hit["cf-aig-cache-status"]) == ("MISS", "HIT")
    assert hit["content-type"] == miss["content-type"] and hit["content-type"].startswith("text/event-stream")
    assert first == second and first[-1].type == "message_stop"
    whole = _client().messages.with_raw_response.create(**ask)
    assert whole.headers["cf-aig-cache-status"] == "MISS", "stream and whole answer must not mix"


def _streamed(ask: dict):
    response = _client().messages.with_raw_response.create(**ask, stream=True)
    return response.headers, list(response.parse())


@target.gateway_only
def the_gateway_asks_a_provider_that_fails_twice_again_so_that_the_sdk_need_not():
    client = _client(default_headers=target.RETRYING)
    prompt = target.unseen("Say hello")
    assert _text(client.messages.create(**_ask(prompt, model="mock-error-529-2x")))
    assert len(target.attempts(prompt)) == 3

    prompt = target.unseen("Count to three")
    with client.messages.stream(**_ask(prompt, model="mock-error-529-2x")) as stream:
        assert len(list(stream.text_stream)) > 1, "the answer came in one piece"
    assert len(target.attempts(prompt)) == 3


@target.gateway_only
def a_provider_that_keeps_failing_is_asked_no_more_than_that_and_its_error_is_the_sdks():
    prompt = target.unseen("Say hello")
    with pytest.raises(anthropic.OverloadedError) as caught:
        _client(default_headers=target.RETRYING).messages.create(**_ask(prompt, model="mock-error-529"))
    assert caught.value.type == "overloaded_error" and len(target.attempts(prompt)) == 3


@target.gateway_only
def a_provider_that_says_how_long_to_wait_is_asked_again_no_sooner():
    prompt, started = target.unseen("Say hello"), time.monotonic()
    _client(default_headers=target.RETRYING).messages.create(**_ask(prompt, model="mock-error-429-1x"))
    assert time.monotonic() - started >= 1 and len(target.attempts(prompt)) == 2


@target.gateway_only
def a_locked_gateway_refuses_a_call_without_its_credential():
    for options in ({}, {"default_headers": {"cf-aig-authorization": "Bearer wrong"}}):
        with pytest.raises(anthropic.AuthenticationError) as caught:
            _client("locked", **options).messages.create(**_ask("Hello"))
        assert target.refusal(caught.value) == (2009, "Unauthorized")
        assert caught.value.response.headers["x-should-retry"] == "false"


@target.gateway_only
def a_locked_gateway_opens_to_the_default_header():
    client = _client("locked", default_headers={"cf-aig-authorization": f"Bearer {target.CREDENTIAL}"})
    _assert_answer(client.messages.create(**_ask(target.unseen("Hello"))))


@target.gateway_only
@pytest.mark.parametrize(
    "options", [{"api_key": target.CREDENTIAL}, {"api_key": None, "auth_token": target.CREDENTIAL}]
)
def a_locked_gateway_opens_to_its_credential_in_the_sdks_own_place(options):
    _assert_answer(_client("locked", **options).messages.create(**_ask(target.unseen("Hello"))))


@target.gateway_only
@target.records_only
def a_stream_that_its_provider_cuts_ends_in_the_sdks_error():
    event = f"cut-{time.monotonic_ns()}"
    headers = target.RETRYING | {"cf-aig-event-id": event}
    ask = _ask(target.unseen("Count to three"), model="mock-cut")
    pieces = []
    with pytest.raises(anthropic.APIStatusError) as caught:
        with _client().messages.stream(**ask, extra_headers=headers) as stream:
            pieces.extend(stream)
    assert caught.value.body["error"]["type"] == "api_error"
    [record] = target.records(event, 1)
    assert (record["outcome"], record["complete"], record["success"]) == ("cut", False, False)


@target.gateway_only
def an_unknown_gateway_or_provider_is_a_bad_request():
    for url, code in ((target.url("anthropic", "no-such-gateway"), 2001), (target.url("no-such-provider"), 2008)):
        with pytest.raises(anthropic.BadRequestError) as caught:
            Anthropic(base_url=url, api_key="sk-ant-test").messages.create(**_ask("Hello"))
        assert target.refusal(caught.value)[0] == code
        assert caught.value.response.headers["x-should-retry"] == "false"


@target.gateway_only
def a_rate_limited_call_waits_as_long_as_the_gateway_says():
    """One retry must do: the SDK's own back-off alone would knock again too early and fail."""
    with pytest.raises(anthropic.RateLimitError) as caught:
        for _ in range(11):
            _client("limited").messages.create(**_ask(target.unseen("Hello")))
    assert target.refusal(caught.value) == (2003, "Rate limited")
    named = int(caught.value.response.headers["retry-after"])
    assert 1 <= named <= 10

    started = time.monotonic()
    response = _client("limited", max_retries=1).messages.with_raw_response.create(**_ask(target.unseen("Hello")))
    assert response.retries_taken == 1 and time.monotonic() - started > named - 1
    _assert_answer(response.parse())
