"""The official `openai` package against the gateway, changed in nothing but base URL and default headers."""

import asyncio
import json
import time

import openai
import pytest
import target
from openai import AsyncOpenAI, OpenAI

MODEL = "gpt-4o-mini"
WEATHER = {
    "name": "get_weather",
    "description": "The weather in a city",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
CHAT_WEATHER = {"type": "function", "function": WEATHER}
RESPONSES_WEATHER = {"type": "function", "strict": False} | WEATHER


def _client(gateway="my-gateway", **options) -> OpenAI:
    options = {"api_key": "sk-test", "max_retries": 0} | options
    return OpenAI(base_url=target.url("openai", gateway), **options)


def _ask(prompt: str, **more) -> dict:
    return {"model": MODEL, "messages": [{"role": "user", "content": prompt}]} | more


def _assert_answer(completion):
    [choice] = completion.choices
    assert completion.model == MODEL and choice.finish_reason == "stop"
    assert choice.message.role == "assistant" and choice.message.content
    _assert_usage(completion.usage, completion.usage.prompt_tokens, completion.usage.completion_tokens)


def _assert_usage(usage, input_tokens: int, output_tokens: int):
    assert input_tokens > 0 and output_tokens > 0
    assert usage.total_tokens == input_tokens + output_tokens


def a_chat_completion_arrives_with_text_and_usage():
    _assert_answer(_client().chat.completions.create(**_ask(target.unseen("Say hello"))))


def a_chat_stream_assembles_to_text_and_usage():
    ask = _ask(target.unseen("Count to three"), stream=True, stream_options={"include_usage": True})
    chunks = list(_client().chat.completions.create(**ask))
    pieces = [choice.delta.content for chunk in chunks for choice in chunk.choices if choice.delta.content]
    assert len(pieces) > 1, "the answer came in one piece"
    assert [choice.finish_reason for chunk in chunks for choice in chunk.choices][-1] == "stop"
    usage = chunks[-1].usage
    _assert_usage(usage, usage.prompt_tokens, usage.completion_tokens)


def a_chat_tool_call_arrives_as_tool_calls():
    completion = _client().chat.completions.create(**_ask(target.unseen("Weather in Paris?"), tools=[CHAT_WEATHER]))
    _assert_tool_call(completion)


def a_streamed_chat_tool_call_assembles_its_arguments():
    ask = _ask(target.unseen("Weather in Paris?"), tools=[CHAT_WEATHER])
    with _client().chat.completions.stream(**ask) as stream:
        _assert_tool_call(stream.get_final_completion())


def _assert_tool_call(completion):
    [choice] = completion.choices
    [call] = choice.message.tool_calls
    assert choice.finish_reason == "tool_calls" and call.type == "function"
    assert call.id and call.function.name == "get_weather"
    assert isinstance(json.loads(call.function.arguments), dict)


def a_response_arrives_with_text_and_usage():
    _assert_response(_client().responses.create(model=MODEL, input=target.unseen("Say hello")))


def a_response_stream_assembles_to_a_whole_response():
    with _client().responses.stream(model=MODEL, input=target.unseen("Count to three")) as stream:
        pieces = [event.delta for event in stream if event.type == "response.output_text.delta"]
        response = stream.get_final_response()
    assert len(pieces) > 1 and "".join(pieces) == response.output_text
    _assert_response(response)


def _assert_response(response):
    assert response.status == "completed" and response.model == MODEL and response.output_text
    _assert_usage(response.usage, response.usage.input_tokens, response.usage.output_tokens)


def a_response_tool_call_arrives_as_function_call():
    response = _client().responses.create(
        model=MODEL, input=target.unseen("Weather in Paris?"), tools=[RESPONSES_WEATHER]
    )
    [call] = [item for item in response.output if item.type == "function_call"]
    assert call.call_id and call.name == "get_weather" and isinstance(json.loads(call.arguments), dict)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (401, openai.AuthenticationError),
        (429, openai.RateLimitError),
        (500, openai.InternalServerError),
        (529, openai.InternalServerError),
    ],
)
@pytest.mark.parametrize("api", ["chat", "responses"])
def a_provider_error_keeps_its_exception_class(api, status, expected):
    model = f"mock-error-{status}"
    with pytest.raises(expected) as caught:
        if api == "chat":
            _client().chat.completions.create(**_ask("Hello", model=model))
        else:
            _client().responses.create(model=model, input="Hello")
    assert type(caught.value) is expected and caught.value.status_code == status
    assert isinstance(caught.value.body, dict) and caught.value.type, "the provider's own body must reach the SDK"


def an_async_client_gets_completions_and_streams():
    async def calls():
        async with AsyncOpenAI(base_url=target.url("openai"), api_key="sk-test", max_retries=0) as client:
            completion = client.chat.completions.create(**_ask(target.unseen("Hello")))
            stream = await client.chat.completions.create(**_ask(target.unseen("Hello"), stream=True))
            return await completion, [chunk async for chunk in stream]

    completion, chunks = asyncio.run(calls())
    _assert_answer(completion)
    assert "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)


@target.gateway_only
@pytest.mark.parametrize("api", ["chat", "responses"])
def the_same_call_again_is_a_hit(api):
    prompt = target.unseen("Say hello")

    def call():
        if api == "chat":
            return _client().chat.completions.with_raw_response.create(**_ask(prompt))
        return _client().responses.with_raw_response.create(model=MODEL, input=prompt)

    first, second = call(), call()
    assert (first.headers["cf-aig-cache-status"], second.headers["cf-aig-cache-status"]) == ("MISS", "HIT")
    assert "age" not in first.headers and int(second.headers["age"]) >= 0
    assert first.parse().to_dict() == second.parse().to_dict()
    assert first.headers["cf-aig-log-id"] != second.headers["cf-aig-log-id"], "a hit is an exchange of its own"


@target.gateway_only
def skip_cache_as_a_default_or_extra_header_reads_past_a_stored_answer():
    ask, skip = _ask(target.unseen("Say hello")), {"cf-aig-skip-cache": "true"}
    _client().chat.completions.create(**ask)
    by_default = _client(default_headers=skip).chat.completions.with_raw_response.create(**ask)
    by_call = _client().chat.completions.with_raw_response.create(**ask, extra_headers=skip)
    without = _client().chat.completions.with_raw_response.create(**ask)
    statuses = [response.headers["cf-aig-cache-status"] for response in (by_default, by_call, without)]
    assert statuses == ["MISS", "MISS", "HIT"]


@target.gateway_only
@pytest.mark.parametrize("api", ["chat", "responses"])
def a_stream_is_replayed_event_for_event(api):
    """The SDK hangs up at `[DONE]` or the last event: the answer counts as complete all the same."""
    prompt = target.unseen("Count to three")

    def call():
        if api == "chat":
            response = _client().chat.completions.with_raw_response.create(**_ask(prompt), stream=True)
        else:
            response = _client().responses.with_raw_response.create(model=MODEL, input=prompt, stream=True)
        return response.headers, list(response.parse())

    (miss, first), (hit, second) = call(), call()
    assert (miss["cf-aig-cache-status"], hit["cf-aig-cache-status"]) == ("MISS", "HIT")
    assert hit["content-type"] == miss["content-type"] and hit["content-type"].startswith("text/event-stream")
    assert len(first) > 1 and first == second


@target.gateway_only
@pytest.mark.parametrize("api", ["chat", "responses"])
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def the_gateway_asks_a_provider_that_fails_twice_again_so_that_the_sdk_need_not(api, stream):
    prompt, model = target.unseen("Say hello"), "mock-error-500-2x"
    client = _client(default_headers=target.RETRYING)
    if api == "chat":
        answer = client.chat.completions.create(**_ask(prompt, model=model, stream=stream))
    else:
        answer = client.responses.create(model=model, input=prompt, stream=stream)
    assert len(list(answer)) > 3 if stream else answer.usage.total_tokens > 0
    assert len(target.attempts(prompt)) == 3


@target.gateway_only
def a_provider_that_keeps_failing_is_asked_no_more_than_that_and_its_error_is_the_sdks():
    prompt = target.unseen("Say hello")
    with pytest.raises(openai.InternalServerError) as caught:
        _client(default_headers=target.RETRYING).chat.completions.create(**_ask(prompt, model="mock-error-500"))
    assert caught.value.type == "server_error" and len(target.attempts(prompt)) == 3


@target.gateway_only
def a_provider_that_says_how_long_to_wait_is_asked_again_no_sooner():
    prompt, started = target.unseen("Say hello"), time.monotonic()
    _client(default_headers=target.RETRYING).chat.completions.create(**_ask(prompt, model="mock-error-429-1x"))
    assert time.monotonic() - started >= 1 and len(target.attempts(prompt)) == 2


@target.gateway_only
def a_locked_gateway_refuses_a_call_without_its_credential():
    for options in ({}, {"default_headers": {"cf-aig-authorization": "Bearer wrong"}}):
        with pytest.raises(openai.AuthenticationError) as caught:
            _client("locked", **options).chat.completions.create(**_ask("Hello"))
        assert target.refusal(caught.value) == (2009, "Unauthorized")
        assert caught.value.response.headers["x-should-retry"] == "false"


@target.gateway_only
@pytest.mark.parametrize(
    "options",
    [{"default_headers": {"cf-aig-authorization": f"Bearer {target.CREDENTIAL}"}}, {"api_key": target.CREDENTIAL}],
    ids=["default-header", "api-key"],
)
def a_locked_gateway_opens_to_its_credential(options):
    _assert_answer(_client("locked", **options).chat.completions.create(**_ask(target.unseen("Hello"))))


@target.gateway_only
@pytest.mark.parametrize("provider", ["openai", "groq", "anthropic", "workers-ai", "xai"])
def the_unified_endpoint_serves_every_provider_by_its_prefix(provider):
    with OpenAI(base_url=target.url("compat"), api_key="sk-test", max_retries=0) as client:
        ask = _ask(target.unseen("Say hello"), model=f"{provider}/{MODEL}")
        # The provider names the model that it was asked for: the one without a prefix.
        _assert_answer(client.chat.completions.create(**ask))
        chunks = list(client.chat.completions.create(**ask, stream=True))
    assert {chunk.model for chunk in chunks} == {MODEL}
    assert "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)


@target.gateway_only
@target.records_only
def a_stream_that_its_provider_cuts_ends_in_the_sdks_error():
    event = f"cut-{time.monotonic_ns()}"
    headers = target.RETRYING | {"cf-aig-event-id": event}
    ask = _ask(target.unseen("Count to three"), model="mock-cut", stream=True)
    pieces = []
    with pytest.raises(openai.APIError) as caught:
        for chunk in _client().chat.completions.create(**ask, extra_headers=headers):
            pieces.append(chunk)
    assert pieces and caught.value.code == "upstream_cut"
    [record] = target.records(event, 1)
    assert (record["outcome"], record["complete"], record["success"]) == ("cut", False, False)


@target.gateway_only
def the_unified_endpoint_says_what_it_does_not_know_and_lists_what_it_knows():
    with OpenAI(base_url=target.url("compat"), api_key="sk-test", max_retries=0) as client:
        for model, code in ((MODEL, 2019), (f"nobody/{MODEL}", 2008), (f"replicate/{MODEL}", 2906)):
            with pytest.raises(openai.BadRequestError) as caught:
                client.chat.completions.create(**_ask("Hello", model=model))
            assert target.refusal(caught.value)[0] == code
        models = [model.id for model in client.models.list(extra_query={"provider": "openai"})]
    assert f"openai/{MODEL}" in models


@target.gateway_only
def an_unknown_gateway_or_provider_is_a_bad_request():
    for url, code in ((target.url("openai", "no-such-gateway"), 2001), (target.url("no-such-provider"), 2008)):
        with pytest.raises(openai.BadRequestError) as caught:
            OpenAI(base_url=url, api_key="sk-test").chat.completions.create(**_ask("Hello"))
        assert target.refusal(caught.value)[0] == code
        assert caught.value.response.headers["x-should-retry"] == "false"


@target.gateway_only
def a_rate_limited_call_waits_as_long_as_the_gateway_says():
    """One retry must do: the SDK's own back-off alone would knock again too early and fail."""
    with pytest.raises(openai.RateLimitError) as caught:
        for _ in range(11):
            _client("limited").chat.completions.create(**_ask(target.unseen("Hello")))
    assert target.refusal(caught.value) == (2003, "Rate limited")
    named = int(caught.value.response.headers["retry-after"])
    assert 1 <= named <= 10

    started = time.monotonic()
    limited = _client("limited", max_retries=1).chat.completions.with_raw_response
    response = limited.create(**_ask(target.unseen("Hello")))
    assert response.retries_taken == 1 and time.monotonic() - started > named - 1
    _assert_answer(response.parse())
