-- Questions to the table of table.sql. Each has a name; {from} and {to} are parameters: DateTime64(3, 'UTC').

-- name: spend_by_model
-- What was spent, by provider and model. NULL costs (no price, no usage) are counted apart.
SELECT provider, model, count() AS calls, sum(cost) AS spent, sum(tokens_in) AS tokens_in, sum(tokens_out) AS tokens_out,
       countIf(cost IS NULL) AS unpriced
FROM sluice.records FINAL
WHERE type = 'call' AND created_at >= {from:DateTime64(3, 'UTC')} AND created_at < {to:DateTime64(3, 'UTC')}
GROUP BY provider, model
ORDER BY spent DESC, calls DESC, model;

-- name: spend_by_team
-- What was spent, by an entry of the metadata.
SELECT metadata['team'] AS team, count() AS calls, sum(cost) AS spent
FROM sluice.records FINAL
WHERE type = 'call' AND created_at >= {from:DateTime64(3, 'UTC')} AND created_at < {to:DateTime64(3, 'UTC')}
GROUP BY team
ORDER BY spent DESC, team;

-- name: saved_by_cache
-- How many calls the cache answered, and what they would have cost.
SELECT gateway_id, count() AS calls, countIf(cached) AS cached, sum(saved_cost) AS saved,
       sum(saved_tokens_in) + sum(saved_tokens_out) AS saved_tokens
FROM sluice.records FINAL
WHERE type = 'call' AND created_at >= {from:DateTime64(3, 'UTC')} AND created_at < {to:DateTime64(3, 'UTC')}
GROUP BY gateway_id
ORDER BY gateway_id;

-- name: errors
-- What failed, by provider and what the client was told.
SELECT provider, status_code, error_type, count() AS calls
FROM sluice.records FINAL
WHERE type = 'call' AND NOT success AND created_at >= {from:DateTime64(3, 'UTC')} AND created_at < {to:DateTime64(3, 'UTC')}
GROUP BY provider, status_code, error_type
ORDER BY calls DESC, provider, status_code, error_type;

-- name: latency
-- Milliseconds to the first byte and to the end, of the answers that providers gave.
SELECT provider, model, count() AS calls,
       quantilesExact(0.5, 0.9, 0.99)(assumeNotNull(timings.latency)) AS first_byte,
       quantilesExact(0.5, 0.9, 0.99)(duration) AS whole
FROM sluice.records FINAL
WHERE type = 'call' AND success AND NOT cached AND timings.latency IS NOT NULL
  AND created_at >= {from:DateTime64(3, 'UTC')} AND created_at < {to:DateTime64(3, 'UTC')}
GROUP BY provider, model
ORDER BY calls DESC, provider, model;

-- name: calls_by_hour
-- Calls, tokens and cost, hour by hour.
SELECT toStartOfHour(created_at) AS hour, count() AS calls, countIf(NOT success) AS failed, sum(tokens_in) AS tokens_in,
       sum(tokens_out) AS tokens_out, sum(cost) AS spent
FROM sluice.records FINAL
WHERE type = 'call' AND created_at >= {from:DateTime64(3, 'UTC')} AND created_at < {to:DateTime64(3, 'UTC')}
GROUP BY hour
ORDER BY hour;

-- name: attempts_that_failed
-- Attempts before the last one, by what they were told (0: no answer).
SELECT provider, coalesce(attempt.status_code, 0) AS status, count() AS attempts
FROM sluice.records FINAL
ARRAY JOIN failed_attempts AS attempt
WHERE type = 'call' AND created_at >= {from:DateTime64(3, 'UTC')} AND created_at < {to:DateTime64(3, 'UTC')}
GROUP BY provider, status
ORDER BY attempts DESC, provider, status;

-- name: missing
-- Records that were dropped on the way here, by sink.
SELECT sink, count() AS notices, sum(count) AS dropped
FROM sluice.records FINAL
WHERE type = 'dropped' AND created_at >= {from:DateTime64(3, 'UTC')} AND created_at < {to:DateTime64(3, 'UTC')}
GROUP BY sink
ORDER BY sink;
