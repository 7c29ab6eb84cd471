"""What comes to an OpenTelemetry collector, read by OpenTelemetry's own messages."""

from __future__ import annotations

import base64
import json
from datetime import datetime, timezone
from decimal import Decimal

from conftest import SPAN, TRACE, World
from google.protobuf import json_format
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

HOST = "collector.internal"


def _binary(world: World) -> list[ExportTraceServiceRequest]:
    return [ExportTraceServiceRequest.FromString(request.body) for request in world.to(HOST, "protobuf")]


def _text(world: World) -> list[ExportTraceServiceRequest]:
    """OTLP's JSON is protobuf's own, but for ids, which are hexadecimal."""
    found = []
    for request in world.to(HOST, "json"):
        body = json.loads(request.body)
        for span in body["resourceSpans"][0]["scopeSpans"][0]["spans"]:
            for name in {"traceId", "spanId", "parentSpanId"} & set(span):
                span[name] = base64.b64encode(bytes.fromhex(span[name])).decode()
        found.append(json_format.ParseDict(body, ExportTraceServiceRequest()))
    return found


def _spans(requests: list[ExportTraceServiceRequest]) -> dict[bytes, Span]:
    all_of_them = [span for it in requests for group in it.resource_spans for scope in group.scope_spans for span in scope.spans]
    spans = {span.span_id: span for span in all_of_them}
    assert len(spans) == len(all_of_them), "each span once"
    return spans


def _value(value: AnyValue) -> object:
    kind = value.WhichOneof("value")
    return [_value(it) for it in value.array_value.values] if kind == "array_value" else getattr(value, kind)


def _attributes(span: Span) -> dict[str, object]:
    found = {it.key: _value(it.value) for it in span.attributes}
    assert len(found) == len(span.attributes), "each name once"
    return found


def _by_log_id(world: World) -> dict[str, tuple[Span, dict[str, object]]]:
    pairs = ((span, _attributes(span)) for span in _spans(_binary(world)).values())
    return {str(attributes["cf.aig.log.id"]): (span, attributes) for span, attributes in pairs}


def both_forms_say_the_same(world: World) -> None:
    binary, text = _spans(_binary(world)), _spans(_text(world))
    assert binary == text and len(binary) == len(world.records)
    assert world.to(HOST)[0].path == "/v1/traces"


def nothing_in_the_binary_form_is_unknown(world: World) -> None:
    """What was written under a wrong number or type would be lost here."""
    for request in world.to(HOST, "protobuf"):
        message = ExportTraceServiceRequest.FromString(request.body)
        known = message.SerializeToString(deterministic=True)
        message.DiscardUnknownFields()
        assert message.SerializeToString(deterministic=True) == known and len(known) == len(request.body)


def the_resource_is_the_gateway(world: World) -> None:
    for request in [*_binary(world), *_text(world)]:
        (group,) = request.resource_spans
        (scope,) = group.scope_spans
        resource = {it.key: _value(it.value) for it in group.resource.attributes}
        assert resource["service.name"] == "ai-gateway" and scope.scope.name == "sluice"


def every_record_is_a_span_with_its_attributes(world: World) -> None:
    spans = _by_log_id(world)
    assert len(spans) == len(world.records)
    for record in world.records:
        span, attributes = spans[record["id"]]
        assert (span.name, span.kind) == ("cf.aig.request", Span.SPAN_KIND_CLIENT)
        created = datetime.fromisoformat(record["created_at"].replace("Z", "+00:00")).astimezone(timezone.utc)
        assert span.start_time_unix_nano == round(created.timestamp() * 1000) * 1_000_000
        assert span.end_time_unix_nano - span.start_time_unix_nano == record["duration"] * 1_000_000
        assert span.status.code == (Status.STATUS_CODE_UNSET if record["success"] else Status.STATUS_CODE_ERROR)
        for name, field in (
            ("gen_ai.provider.name", "provider"),
            ("gen_ai.model.provider", "provider"),
            ("gen_ai.request.model", "model_asked"),
            ("gen_ai.response.model", "model_answered"),
            ("gen_ai.usage.input_tokens", "tokens_in"),
            ("gen_ai.usage.output_tokens", "tokens_out"),
            ("http.response.status_code", "status_code"),
            ("gen_ai.prompt_json", "request_head"),
            ("gen_ai.completion_json", "response_head"),
            ("cf.aig.cached", "cached"),
        ):
            assert attributes.get(name) == record.get(field), (name, record)
        cost = attributes.get("gen_ai.usage.cost")
        assert (cost is None) == (record["cost"] is None) and float(record["cost"] or 0) == (cost or 0)
        for name, entry in (record["metadata"] or {}).items():
            assert attributes[name] == (float(entry) if isinstance(entry, Decimal) else entry)


def messages_have_the_form_of_the_conventions(world: World) -> None:
    spans = _by_log_id(world)
    record = next(it for it in world.records if "Unusual" in it["request_head"])
    _, attributes = spans[record["id"]]
    question = json.loads(record["request_head"])["messages"][0]["content"]
    assert json.loads(str(attributes["gen_ai.input.messages"])) == [
        {"role": "user", "parts": [{"type": "text", "content": question}]}
    ]
    (message,) = json.loads(str(attributes["gen_ai.output.messages"]))
    answer = json.loads(record["response_head"])["choices"][0]
    assert message == {"role": "assistant", "parts": [{"type": "text", "content": answer["message"]["content"]}],
                       "finish_reason": answer["finish_reason"]}  # fmt: skip


def the_callers_trace_is_continued(world: World) -> None:
    spans = _by_log_id(world)
    in_trace = [record for record in world.records if record.get("trace_id") == TRACE]
    parents = {record.get("parent_span_id") for record in in_trace}
    assert len(in_trace) == 2 and parents == {SPAN, None}
    for record in in_trace:
        span, _ = spans[record["id"]]
        assert span.trace_id.hex() == TRACE and span.parent_span_id.hex() == (record.get("parent_span_id") or "")
    traces = {span.trace_id for span, _ in spans.values()}
    assert len(traces) == len(world.records) - 1 and all(len(trace) == 16 for trace in traces)
