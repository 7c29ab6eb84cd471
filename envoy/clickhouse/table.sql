-- The records that Sluice exports, for its sink `clickhouse` in envoy/export.yaml. Any field of a record that is not here is
-- skipped (input_format_skip_unknown_fields), so columns can be taken away and added at any time.
--
-- A batch whose answer was lost comes again: of rows with one key the last one stays. Merging takes its time, so queries
-- that must be exact say FINAL, as those in queries.sql do.
CREATE DATABASE IF NOT EXISTS sluice;

CREATE TABLE IF NOT EXISTS sluice.records
(
    -- 'call', or 'dropped': a notice that records are missing, with `sink`, `count` (since the last notice) and `total`.
    type LowCardinality(String) DEFAULT 'call',
    id UUID,
    created_at DateTime64(3, 'UTC'),
    event_id String,
    trace_id String,
    parent_span_id String,
    account_id LowCardinality(String),
    gateway_id LowCardinality(String),
    provider LowCardinality(String),
    model LowCardinality(String),
    model_asked LowCardinality(String),
    model_type LowCardinality(String),
    service_tier LowCardinality(String),
    method LowCardinality(String),
    path String,
    request_type LowCardinality(String),
    stream Bool,
    step UInt32,
    -- Milliseconds.
    duration UInt64,
    timings Tuple(total UInt64, latency Nullable(UInt64)),
    status_code UInt16,
    success Bool,
    cached Bool,
    outcome LowCardinality(String),
    error_type LowCardinality(String),
    error_code Nullable(UInt32),
    finish_reason LowCardinality(String),
    failed_attempts Array(Tuple(status_code Nullable(UInt16), after UInt64)),
    -- What is not known is NULL, not 0.
    tokens_in Nullable(UInt64),
    tokens_out Nullable(UInt64),
    usage_metadata Tuple(
        input_cached_tokens Nullable(UInt64),
        input_cache_write_tokens Nullable(UInt64),
        output_reasoning_tokens Nullable(UInt64)
    ),
    -- US dollars. Listed prices have 12 decimals at most.
    cost Nullable(Decimal(38, 18)),
    cost_source LowCardinality(String),
    saved_cost Nullable(Decimal(38, 18)),
    saved_tokens_in Nullable(UInt64),
    saved_tokens_out Nullable(UInt64),
    metadata Map(String, String),
    feedback Nullable(Int8),
    score Nullable(Float64),
    authentication_name LowCardinality(String),
    byok Bool,
    user_agent String,
    request_size UInt64,
    response_size UInt64,
    response_flags UInt64,
    -- The bodies, where they are logged and the sink has `payloads: true`.
    request_head String CODEC(ZSTD(3)),
    response_head String CODEC(ZSTD(3)),
    sink LowCardinality(String),
    count UInt64,
    total UInt64
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(created_at)
ORDER BY (gateway_id, toStartOfHour(created_at), id)
-- Retention by age, here.
TTL toDateTime(created_at) + INTERVAL 90 DAY
SETTINGS non_replicated_deduplication_window = 1000;
