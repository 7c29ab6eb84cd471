// The control API over records in memory, and the page as the gateway serves it. Runs by itself, too: `node mock.js [count]`.

import { createServer } from 'node:http';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

import { BODIES, text } from './bodies.js';
import { records } from './records.js';

export const PAGE = process.env.CONSOLE_PAGE ?? fileURLToPath(new URL('../../src/console/page/', import.meta.url));
const POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const TYPES = { html: 'text/html; charset=utf-8', css: 'text/css', js: 'text/javascript', svg: 'image/svg+xml' };
const API = /^\/client\/v4\/accounts\/([^/]+)\/ai-gateway\/gateways(?:\/([^/]+))?(?:\/(logs|analytics|limits))?(?:\/([^/]+))?(?:\/(request|response))?$/;

const tests = {
  eq: (value, [wanted]) => value === wanted, neq: (value, [wanted]) => value !== wanted, contains: (value, [wanted]) => String(value).includes(wanted),
  gt: (value, [wanted]) => value !== null && value > wanted, lt: (value, [wanted]) => value !== null && value < wanted,
};

/** A running server: `url`, `log` (its records), `seen` (its requests), `secret`, `down`, `most` (records of a part of an export). */
export async function mock({ log = records(240, 3_600_000), gateways } = {}) {
  const state = { log, seen: [], secret: null, down: false, most: Infinity, gateways: gateways ?? GATEWAYS };
  const server = createServer((request, response) => serve(state, request, response).catch((error) => fail(response, 500, 7000, String(error.stack))));
  await new Promise((resolve) => server.listen(Number(process.env.PORT ?? 0), '127.0.0.1', resolve));
  return Object.assign(state, {
    url: `http://127.0.0.1:${server.address().port}`,
    close: () => new Promise((resolve) => {
      server.close(resolve);
      server.closeAllConnections();
    }),
  });
}

export const GATEWAYS = [
  { id: 'my-gateway', account_id: null, authentication: false, cache_ttl: 300, collect_logs: true, collect_log_payload: true, retry_max_attempts: 3 },
  { id: 'team-a', account_id: '42', authentication: true, cache_ttl: 0, collect_logs: true, collect_log_payload: false },
  { id: 'batch', account_id: '42', authentication: true, cache_ttl: 86_400, collect_logs: false },
];
const LIMITS = {
  'my-gateway': { rate_limit: { limit: 600, interval: 60, technique: 'sliding', used: 231, resets_in: 38 }, log: { records: 9800, bytes: 22_020_096, limit: 10_000, strategy: 'DELETE_OLDEST' }, cache: { bytes: 41_943_040, max_bytes: 67_108_864 }, dropped: 0 },
  'team-a': { rate_limit: { limit: 100, interval: 10, technique: 'fixed', used: 82, resets_in: 4 }, log: { records: 3120, bytes: 5_242_880, limit: null, strategy: null, store: { records: 12_920, bytes: 27_262_976, max_records: 100_000, max_bytes: 67_108_864, refused: 0 } }, cache: null, dropped: 12 },
  batch: { rate_limit: null, log: { records: 0, bytes: 0, limit: null, strategy: null }, cache: { bytes: 0, max_bytes: 67_108_864 }, dropped: 0 },
};

async function serve(state, request, response) {
  const url = new URL(request.url, 'http://localhost');
  const path = decodeURI(url.pathname);
  if (path === '/' || path.startsWith('/console/')) return asset(path, response);
  state.seen.push({ method: request.method, path, query: url.searchParams, authorization: request.headers.authorization });
  if (state.down) return fail(response, 503, 7000, 'The log store is away');
  if (state.secret !== null && request.headers.authorization !== `Bearer ${state.secret}`) return fail(response, 401, 10000, 'Authentication error');
  const named = API.exec(path);
  if (!named) return fail(response, 404, 7002, 'No such path');
  const [, account, gateway, what, id, part] = named;
  if (!gateway) return listed(response, state.gateways, url.searchParams);
  if (what === 'limits' && account !== (state.gateways.find((each) => each.id === gateway && each.account_id)?.account_id ?? '_')) return fail(response, 404, 7002, 'Not its account');
  if (what === 'limits') return ok(response, Object.hasOwn(LIMITS, gateway) ? LIMITS[gateway] : LIMITS.batch);
  const found = state.log.filter((record) => gateway === '_' || record.gateway_id === gateway);
  if (what === 'analytics') return ok(response, analytics(matching(found, url.searchParams), url.searchParams));
  if (what === 'logs' && !id) return list(state, response, matching(found, url.searchParams), url.searchParams);
  const record = found.find((each) => each.id === id);
  if (!record) return fail(response, 404, 7002, 'Log not found');
  if (request.method === 'PATCH') {
    let body = '';
    for await (const chunk of request) body += chunk;
    return ok(response, Object.assign(record, JSON.parse(body)));
  }
  if (!part) return ok(response, record);
  const body = record[`${part}_body`] ?? (record.kind && BODIES[record.kind][part]);
  if (body === undefined || body === null) return fail(response, 404, 7002, 'Not recorded');
  return response.writeHead(200, { 'content-type': 'application/json' }).end(text(body));
}

async function asset(path, response) {
  const name = path === '/' ? 'index.html' : path.slice('/console/'.length);
  const body = await readFile(`${PAGE}/${name}`).catch(() => null);
  if (body === null) return fail(response, 404, 7002, 'No such file');
  const type = TYPES[name.split('.').at(-1)];
  return response.writeHead(200, { 'content-type': type, 'content-security-policy': POLICY, 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer' }).end(body);
}

function listed(response, all, query) {
  const [page, size] = [Number(query.get('page') ?? 1), Number(query.get('per_page') ?? 20)];
  const result = all.slice((page - 1) * size, page * size);
  return ok(response, result, { count: result.length, page, per_page: size, total_count: all.length });
}

function list(state, response, found, query) {
  const ascending = query.get('order_by_direction') === 'asc';
  const sorted = found.toSorted((a, b) => (a.created_at < b.created_at ? -1 : 1) * (ascending ? 1 : -1));
  const format = query.get('format');
  if (format) return part(state, response, sorted, format, Number(query.get('cursor') ?? 0));
  const [page, size] = [Number(query.get('page') ?? 1), Number(query.get('per_page') ?? 20)];
  if (size > 50) return fail(response, 400, 7001, 'per_page must be at most 50');
  const result = sorted.slice((page - 1) * size, page * size);
  return ok(response, result, { count: result.length, page, per_page: size, total_count: sorted.length });
}

// A part of an export, and where it goes on.
function part(state, response, sorted, format, cursor) {
  const end = cursor + state.most;
  if (end < sorted.length) response.setHeader('x-sluice-next', end);
  const records = sorted.slice(cursor, end);
  if (format === 'ndjson') return response.writeHead(200, { 'content-type': 'application/x-ndjson' }).end(records.map((record) => `${JSON.stringify(record)}\n`).join(''));
  return response.writeHead(200, { 'content-type': 'text/csv' }).end([...(cursor ? [] : ['id,model']), ...records.map((record) => `${record.id},${record.model}`), ''].join('\r\n'));
}

function matching(log, query) {
  const [start, end, search] = ['start_date', 'end_date', 'search'].map((name) => query.get(name));
  const filters = JSON.parse(query.get('filters') ?? '[]');
  return log.filter((record) => (!start || record.created_at >= start) && (!end || record.created_at < end)
    && (!search || JSON.stringify(record).includes(search)) && filters.every(({ key, operator, value }) => valuesOf(record, key).some((each) => tests[operator](each, value))));
}

function valuesOf(record, key) {
  if (key === 'metadata.key') return Object.keys(record.metadata ?? {});
  if (key === 'metadata.value') return Object.values(record.metadata ?? {}).map(String);
  return [key === 'tokens' ? record.tokens_in + record.tokens_out : record[key]];
}

function analytics(found, query) {
  const times = found.map((record) => Date.parse(record.created_at));
  const start = Date.parse(query.get('start_date') ?? new Date(Math.min(Date.now() - 1000, ...times)));
  const end = Date.parse(query.get('end_date') ?? new Date());
  const buckets = Number(query.get('buckets') ?? 60);
  const step = (end - start) / buckets;
  const cells = Array.from({ length: buckets }, () => []);
  found.forEach((record, at) => cells[Math.min(buckets - 1, Math.floor((times[at] - start) / step))]?.push(record));
  const by = (name) => [...found.reduce((groups, record) => groups.set(name(record), [...(groups.get(name(record)) ?? []), record]), new Map())];
  const key = query.get('group_by')?.slice('metadata.'.length);
  return {
    start: new Date(start).toISOString(), end: new Date(end).toISOString(), bucket_seconds: step / 1000, totals: sums(found), truncated: false,
    buckets: cells.map((cell, at) => ({ time: new Date(start + at * step).toISOString(), ...sums(cell) })),
    by_model: by((record) => record.model).map(([model, list]) => ({ provider: list[0].provider, model, ...sums(list) })),
    by_group: key ? by((record) => record.metadata?.[key] ?? null).map(([value, list]) => ({ value, ...sums(list) })) : [],
  };
}

function sums(list) {
  const total = (name) => list.reduce((sum, record) => sum + (record[name] ?? 0), 0);
  const ranks = (values) => {
    const sorted = values.filter((value) => typeof value === 'number').sort((a, b) => a - b);
    return Object.fromEntries([50, 90, 99].map((rank) => [`p${rank}`, sorted.length ? sorted[Math.ceil((rank / 100) * sorted.length) - 1] : null]));
  };
  return {
    requests: list.length, errors: list.filter((record) => !record.success).length, cached: list.filter((record) => record.cached).length, tokens_in: total('tokens_in'), tokens_out: total('tokens_out'),
    cost: total('cost'), saved_cost: total('saved_cost'), latency: ranks(list.map((record) => record.duration)), ttft: ranks(list.map((record) => record.timings.latency)),
  };
}

function ok(response, result, info) {
  const body = { success: true, errors: [], messages: [], result, ...(info && { result_info: info }) };
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

function fail(response, status, code, message) {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify({ success: false, errors: [{ code, message }], messages: [], result: null }));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const server = await mock({ log: records(Number(process.argv[2] ?? 240), 6 * 3_600_000) });
  console.log(server.url);
}
