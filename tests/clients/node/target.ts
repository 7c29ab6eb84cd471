/**
 * Where the SDKs are pointed: at a gateway (`GATEWAY_URL`) or, without one, straight at a provider (`BASE_URL`).
 *
 * The tests that are not `gatewayOnly` must pass either way with the same assertions: that is the product's promise
 * that nothing about a call changes except its base URL.
 */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { setTimeout } from 'node:timers/promises';

const GATEWAY_URL = (process.env['GATEWAY_URL'] ?? '').replace(/\/+$/, '');
const PROVIDER_URL = (process.env['BASE_URL'] ?? '').replace(/\/+$/, '');
const ACCESS_LOG = process.env['GATEWAY_ACCESS_LOG'] ?? '';

/** What opens the gateway `locked` of the bundled configuration. */
export const CREDENTIAL = 'demo-token';

/** Has the gateway ask a failing provider again, twice. */
export const RETRYING = { headers: { 'cf-aig-max-attempts': '3', 'cf-aig-retry-delay': '10' } };

/** Skips a test where the SDKs talk to a provider directly. */
export const gatewayOnly = { skip: GATEWAY_URL ? false : 'needs GATEWAY_URL' };

/** Skips a test of log records where the gateway's access log is not at hand. */
export const recordsOnly = { skip: ACCESS_LOG ? false : 'needs GATEWAY_ACCESS_LOG' };

/** The listener of the control API. */
export const CONSOLE_URL = (process.env['CONSOLE_URL'] ?? '').replace(/\/+$/, '');

/** Skips a test of the control API where it is not at hand. */
export const consoleOnly = { skip: CONSOLE_URL ? false : 'needs CONSOLE_URL' };

/** The base URL for an SDK of `provider`; the account id may be anything. */
export function url(provider: string, gateway = 'my-gateway'): string {
  if (GATEWAY_URL) return `${GATEWAY_URL}/v1/any-account/${gateway}/${provider}`;
  assert(PROVIDER_URL, 'set GATEWAY_URL or BASE_URL, or use run_node.py');
  return provider === 'openai' ? `${PROVIDER_URL}/v1` : PROVIDER_URL;
}

/** The URL with the gateway's address in the place of `host`. */
export const moved = (address: string, host: string): string => address.replace(host, GATEWAY_URL);

/** A prompt that no earlier test can have put into the cache. */
export const unseen = (prompt: string): string => `${prompt} (${randomUUID()})`;

/** What both SDKs put into their exceptions. */
export interface StatusError {
  status: number | undefined;
  headers: Headers | undefined;
  error: unknown;
}

/** An exception class of either SDK. */
export type Kind<E extends StatusError> = new (...args: any[]) => E;

/** Checks that a refusal is the gateway's own, in the envelope of contract §11. */
export function assertRefusal(error: StatusError, code: number): void {
  // The Anthropic SDK keeps the whole body, the OpenAI SDK the value of its field `error`.
  const kept = error.error as { error?: unknown };
  const [refusal, ...more] = (kept.error ?? kept) as { code: number; message: string }[];
  assert.equal(refusal?.code, code);
  assert(refusal.message);
  assert.deepEqual(more, []);
  assert.equal(error.headers?.get('cf-aig-step'), '0');
}

/** The exception a call ends with; it must be of exactly the class `kind`. */
export async function failure<E extends StatusError>(kind: Kind<E>, call: PromiseLike<unknown>) {
  try {
    await call;
  } catch (error) {
    assert(error instanceof kind, `${error}`);
    assert.equal(error.constructor, kind);
    return error;
  }
  return assert.fail(`expected ${kind.name}`);
}

/** Calls until the gateway refuses; hands back that exception and the seconds it tells to wait. */
export async function saturate<E extends StatusError>(kind: Kind<E>, call: () => PromiseLike<unknown>) {
  const burst = async () => {
    for (let calls = 0; calls < 11; calls += 1) await call();
  };
  const error = await failure(kind, burst());
  const seconds = Number(error.headers?.get('retry-after'));
  assert(seconds >= 1 && seconds <= 10, `retry-after is ${seconds}`);
  return { error, seconds };
}

/** The platform's fetch, and the retry counts that the SDK sent through it. */
export function observedFetch(): { fetch: typeof fetch; retryCounts: (string | null)[] } {
  const retryCounts: (string | null)[] = [];
  const observed: typeof fetch = (input, init) => {
    retryCounts.push(new Headers(init?.headers).get('x-stainless-retry-count'));
    return fetch(input, init);
  };
  return { fetch: observed, retryCounts };
}

/** Everything an SDK stream yields. */
export async function all<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of stream) items.push(item);
  return items;
}

/** A request as the provider got it. */
export interface Attempt {
  path: string;
  headers: Headers;
}

/** What the mock provider got for `prompt`, in order: it tells through the gateway, too. */
export async function attempts(prompt: string): Promise<Attempt[]> {
  const answer = await fetch(`${url('openai')}/mock/requests`);
  const { requests } = (await answer.json()) as { requests: { path: string; headers: [string, string][]; body: string }[] };
  const mine = requests.filter(({ body }) => body.includes(prompt));
  return mine.map(({ path, headers }) => ({ path, headers: new Headers(headers) }));
}

/** The log records of an event, once there are `count`: Envoy writes its access log a moment after the answer. */
export async function records(event: string, count: number): Promise<Record<string, unknown>[]> {
  for (const deadline = performance.now() + 10_000; ; await setTimeout(50)) {
    const lines = (await readFile(ACCESS_LOG, 'utf8')).split('\n').slice(0, -1).map((line) => JSON.parse(line));
    const all: Record<string, unknown>[] = lines.filter(({ record }) => record).map(({ record }) => JSON.parse(record));
    const found = all.filter(({ event_id }) => event_id === event);
    if (found.length >= count || performance.now() > deadline) return found;
  }
}
