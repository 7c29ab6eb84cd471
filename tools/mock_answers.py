"""What the mock provider says: OpenAI chat completions, Responses and embeddings, Anthropic messages and token counts.

Each API is a function from a call to (the whole answer, the events of the same answer as a stream or None). The shapes
are the providers' own, usage included, so that official SDKs and the gateway read them as they read the real ones.
"""

from __future__ import annotations

import base64
import json
import re
import struct
import time
import uuid
from collections.abc import Iterator
from typing import Any, Optional

Answer = tuple[dict, Optional[Iterator[str]]]

MODELS = {
    "object": "list",
    "data": [
        {"id": "gpt-4o-mini", "object": "model", "type": "model", "created": 1721172741, "owned_by": "system"},
        {"id": "claude-haiku-4-5", "object": "model", "type": "model", "created": 1759276800, "owned_by": "system"},
    ],
    "has_more": False,
}

MESSAGES = {
    400: "The request is not valid.",
    401: "The API key is not valid.",
    404: "There is nothing at this address.",
    429: "Too many requests.",
    529: "Overloaded",
}


def new_id(prefix: str) -> str:
    return f"{prefix}_{uuid.uuid4().hex[:24]}"


class Call:
    """A request: what was asked, and what is going to be said (a text, or a call of the first tool)."""

    def __init__(self, body: dict) -> None:
        self.body = body
        self.model = str(body.get("model", ""))
        self.stream = body.get("stream") is True
        self.is_cut = self.model == "mock-cut"
        turns = body.get("messages") or body.get("input") or []
        self.turns: list[dict] = turns if isinstance(turns, list) else [{"role": "user", "content": turns}]
        self.text = f"The mock provider heard: {self.last_text()[:200]}"
        self.tool = None if self.has_tool_result() else first_tool(body.get("tools") or [])
        self.input_tokens = max(1, len(json.dumps(turns)) // 4)
        said = json.dumps(self.tool) if self.tool else self.text
        self.output_tokens = max(1, len(said) // 4)

    def last_text(self) -> str:
        content = self.turns[-1].get("content", "") if self.turns and isinstance(self.turns[-1], dict) else ""
        parts = content if isinstance(content, list) else [{"text": content}]
        return " ".join(str(part.get("text", "")) for part in parts if isinstance(part, dict))

    def has_tool_result(self) -> bool:
        last = json.dumps(self.turns[-1:])
        return any(sign in last for sign in ('"role": "tool"', '"tool_result"', '"function_call_output"'))

    def asked_error(self, asked_before: int) -> int | None:
        """The error that the model's name asks for, unless only for the first times and these are over."""
        asked = re.fullmatch(r"mock-error-([45]\d\d)(?:-(\d+)x)?", self.model)
        if asked is None or (asked[2] and asked_before >= int(asked[2])):
            return None
        return int(asked[1])

    def words(self) -> list[str]:
        return re.findall(r"\S+\s*", self.text)


def first_tool(tools: list) -> tuple[str, dict] | None:
    """Name and made-up arguments of the first tool, in whichever API's form it is declared."""
    if not tools:
        return None
    tool = tools[0].get("function", tools[0])
    schema = tool.get("parameters") or tool.get("input_schema") or {}
    return str(tool.get("name")), {name: sample(of) for name, of in schema.get("properties", {}).items()}


def sample(schema: dict) -> Any:
    made_up = {"integer": 1, "number": 1.5, "boolean": True, "array": [], "object": {}, "null": None}
    return schema["enum"][0] if schema.get("enum") else made_up.get(str(schema.get("type")), "mock")


def data(value: dict) -> str:
    return f"data: {json.dumps(value)}\n\n"


def event(value: dict) -> str:
    return f"event: {value['type']}\n{data(value)}"


# OpenAI chat completions


def chat_completion(call: Call) -> Answer:
    head = {"id": new_id("chatcmpl"), "created": int(time.time()), "model": call.model, "system_fingerprint": "fp_mock"}
    usage = {
        "prompt_tokens": call.input_tokens,
        "completion_tokens": call.output_tokens,
        "total_tokens": call.input_tokens + call.output_tokens,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
    }
    message: dict = {"role": "assistant", "content": None if call.tool else call.text, "refusal": None}
    if call.tool:
        function = {"name": call.tool[0], "arguments": json.dumps(call.tool[1])}
        message["tool_calls"] = [{"id": new_id("call"), "type": "function", "function": function}]
    reason = "tool_calls" if call.tool else "stop"
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": reason}
    whole = {**head, "object": "chat.completion", "choices": [choice], "usage": usage}
    return whole, chat_chunks(call, head, message, usage)


def chat_chunks(call: Call, head: dict, message: dict, usage: dict) -> Iterator[str]:
    asked = (call.body.get("stream_options") or {}).get("include_usage") is True

    def chunk(delta: dict, reason: str | None = None) -> str:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
        return data(
            {**head, "object": "chat.completion.chunk", "choices": [choice], **({"usage": None} if asked else {})}
        )

    yield chunk({"role": "assistant", "content": None if call.tool else ""})
    if call.tool:
        yield chunk({"tool_calls": [{"index": 0, **message["tool_calls"][0]}]})
    else:
        for word in call.words():
            yield chunk({"content": word})
    yield chunk({}, "tool_calls" if call.tool else "stop")
    if asked:
        yield data({**head, "object": "chat.completion.chunk", "choices": [], "usage": usage})
    yield "data: [DONE]\n\n"


# OpenAI Responses


def response(call: Call) -> Answer:
    if call.tool:
        item: dict = {
            "type": "function_call",
            "id": new_id("fc"),
            "call_id": new_id("call"),
            "status": "completed",
            "name": call.tool[0],
            "arguments": json.dumps(call.tool[1]),
        }
    else:
        part = {"type": "output_text", "text": call.text, "annotations": [], "logprobs": []}
        item = {"type": "message", "id": new_id("msg"), "status": "completed", "role": "assistant", "content": [part]}
    usage = {
        "input_tokens": call.input_tokens,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": call.output_tokens,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": call.input_tokens + call.output_tokens,
    }
    whole = {
        "id": new_id("resp"),
        "object": "response",
        "created_at": int(time.time()),
        "status": "completed",
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "metadata": {},
        "model": call.model,
        "output": [item],
        "parallel_tool_calls": True,
        "temperature": 1.0,
        "tool_choice": "auto",
        "tools": call.body.get("tools") or [],
        "top_p": 1.0,
        "service_tier": "default",
        "store": False,
        "usage": usage,
    }
    return whole, response_events(call, whole, item)


def response_events(call: Call, whole: dict, item: dict) -> Iterator[str]:
    started = {**whole, "status": "in_progress", "output": [], "usage": None}
    at, inside = {"output_index": 0}, {"output_index": 0, "item_id": item["id"]}
    steps: list[dict] = [
        {"type": "response.created", "response": started},
        {"type": "response.in_progress", "response": started},
    ]
    if call.tool:
        steps += [
            {"type": "response.output_item.added", **at, "item": {**item, "status": "in_progress", "arguments": ""}},
            {"type": "response.function_call_arguments.delta", **inside, "delta": item["arguments"]},
            {
                "type": "response.function_call_arguments.done",
                **inside,
                "name": item["name"],
                "arguments": item["arguments"],
            },
        ]
    else:
        part, inside = item["content"][0], {**inside, "content_index": 0}
        steps += [
            {"type": "response.output_item.added", **at, "item": {**item, "status": "in_progress", "content": []}},
            {"type": "response.content_part.added", **inside, "part": {**part, "text": ""}},
            *({"type": "response.output_text.delta", **inside, "delta": word, "logprobs": []} for word in call.words()),
            {"type": "response.output_text.done", **inside, "text": call.text, "logprobs": []},
            {"type": "response.content_part.done", **inside, "part": part},
        ]
    steps += [
        {"type": "response.output_item.done", **at, "item": item},
        {"type": "response.completed", "response": whole},
    ]
    for number, step in enumerate(steps):
        yield event({**step, "sequence_number": number})


# OpenAI embeddings


def embedding(call: Call) -> Answer:
    texts = call.body.get("input")
    texts = texts if isinstance(texts, list) else [texts]
    vector: Any = [0.25, -0.5, 0.125]
    if call.body.get("encoding_format") == "base64":  # what the Python SDK asks for unless told otherwise
        vector = base64.b64encode(struct.pack("<3f", *vector)).decode()
    vectors = [{"object": "embedding", "index": index, "embedding": vector} for index, _ in enumerate(texts)]
    usage = {"prompt_tokens": call.input_tokens, "total_tokens": call.input_tokens}
    return {"object": "list", "data": vectors, "model": call.model, "usage": usage}, None


# Anthropic messages


def message(call: Call) -> Answer:
    usage = {
        "input_tokens": call.input_tokens,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "output_tokens": call.output_tokens,
        "service_tier": "standard",
    }
    if call.tool:
        block: dict = {"type": "tool_use", "id": new_id("toolu"), "name": call.tool[0], "input": call.tool[1]}
    else:
        block = {"type": "text", "text": call.text}
    whole = {
        "id": new_id("msg"),
        "type": "message",
        "role": "assistant",
        "model": call.model,
        "content": [block],
        "stop_reason": "tool_use" if call.tool else "end_turn",
        "stop_sequence": None,
        "usage": usage,
    }
    return whole, message_events(call, whole, block)


def message_events(call: Call, whole: dict, block: dict) -> Iterator[str]:
    opened = {**whole, "content": [], "stop_reason": None, "usage": {**whole["usage"], "output_tokens": 1}}
    yield event({"type": "message_start", "message": opened})
    empty = {**block, "input": {}} if call.tool else {**block, "text": ""}
    yield event({"type": "content_block_start", "index": 0, "content_block": empty})
    yield event({"type": "ping"})
    if call.tool:
        deltas = [{"type": "input_json_delta", "partial_json": json.dumps(block["input"])}]
    else:
        deltas = [{"type": "text_delta", "text": word} for word in call.words()]
    for delta in deltas:
        yield event({"type": "content_block_delta", "index": 0, "delta": delta})
    yield event({"type": "content_block_stop", "index": 0})
    end = {"stop_reason": whole["stop_reason"], "stop_sequence": None}
    yield event({"type": "message_delta", "delta": end, "usage": {"output_tokens": call.output_tokens}})
    yield event({"type": "message_stop"})


def token_count(call: Call) -> Answer:
    return {"input_tokens": call.input_tokens}, None


# Errors


def openai_error(status: int) -> dict:
    kinds = {401: "invalid_request_error", 429: "requests"}
    codes = {401: "invalid_api_key", 404: "unknown_url", 429: "rate_limit_exceeded"}
    kind = kinds.get(status, "server_error" if status >= 500 else "invalid_request_error")
    return {"error": {"message": said(status), "type": kind, "param": None, "code": codes.get(status)}}


def anthropic_error(status: int) -> dict:
    kinds = {
        400: "invalid_request_error",
        401: "authentication_error",
        403: "permission_error",
        404: "not_found_error",
        413: "request_too_large",
        429: "rate_limit_error",
        529: "overloaded_error",
    }
    kind = kinds.get(status, "api_error" if status >= 500 else "invalid_request_error")
    return {"type": "error", "error": {"type": kind, "message": said(status)}, "request_id": new_id("req")}


def said(status: int) -> str:
    return MESSAGES.get(status, f"The mock provider was asked for a {status}.")
