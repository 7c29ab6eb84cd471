/** The official `@anthropic-ai/sdk` against the gateway, changed in nothing but base URL and default headers. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import Anthropic, { type ClientOptions } from '@anthropic-ai/sdk';
import * as target from './target.js';

const MODEL = 'claude-haiku-4-5';
const WEATHER: Anthropic.Tool = {
  name: 'get_weather',
  description: 'The weather in a city',
  input_schema: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
};
const SKIP = { 'cf-aig-skip-cache': 'true' };
const { gatewayOnly } = target;

const client = (gateway = 'my-gateway', options: ClientOptions = {}) =>
  new Anthropic({ baseURL: target.url('anthropic', gateway), apiKey: 'sk-ant-test', maxRetries: 0, ...options });

const ask = (prompt: string): Anthropic.MessageCreateParamsNonStreaming => ({
  model: MODEL,
  max_tokens: 64,
  messages: [{ role: 'user', content: prompt }],
});

const text = (message: Anthropic.Message) =>
  message.content.map((block) => (block.type === 'text' ? block.text : '')).join('');

function assertAnswer(message: Anthropic.Message): void {
  assert.deepEqual([message.type, message.role, message.model], ['message', 'assistant', MODEL]);
  assert.equal(message.stop_reason, 'end_turn');
  assert(text(message));
  assert(message.usage.input_tokens > 0 && message.usage.output_tokens > 0);
}

function assertToolUse(message: Anthropic.Message): void {
  const calls = message.content.filter((block) => block.type === 'tool_use');
  assert.equal(message.stop_reason, 'tool_use');
  assert.deepEqual(calls.map((call) => [call.name, typeof call.input]), [['get_weather', 'object']]);
}

test('a message arrives with text and usage', async () => {
  assertAnswer(await client().messages.create(ask(target.unseen('Say hello'))));
});

test('a stream assembles to a whole message', async () => {
  const pieces: string[] = [];
  const stream = client().messages.stream(ask(target.unseen('Count to three')));
  stream.on('text', (piece) => pieces.push(piece));
  const message = await stream.finalMessage();
  assert(pieces.length > 1, 'the answer came in one piece');
  assert.equal(pieces.join(''), text(message));
  assertAnswer(message);
});

test('a tool call arrives as tool_use, whole and streamed', async () => {
  const weather = () => ({ ...ask(target.unseen('Weather in Paris?')), tools: [WEATHER] });
  assertToolUse(await client().messages.create(weather()));
  assertToolUse(await client().messages.stream(weather()).finalMessage());
});

for (const [status, kind, type] of [
  [401, Anthropic.AuthenticationError, 'authentication_error'],
  [429, Anthropic.RateLimitError, 'rate_limit_error'],
  [500, Anthropic.InternalServerError, 'api_error'],
  [529, Anthropic.OverloadedError, 'overloaded_error'],
] as const) {
  test(`a provider's ${status} keeps its exception class and body`, async () => {
    const call = client().messages.create({ ...ask('Hello'), model: `mock-error-${status}` });
    const error = await target.failure<InstanceType<typeof Anthropic.APIError>>(kind, call);
    assert.deepEqual([error.status, error.type], [status, type]);
  });
}

test('an answer names its log record', gatewayOnly, async () => {
  const { response } = await client().messages.create(ask(target.unseen('Hello'))).withResponse();
  assert(response.headers.get('cf-aig-log-id') && response.headers.get('cf-aig-event-id'));
  assert.equal(response.headers.get('cf-aig-step'), '0');
});

test('the same message again is a hit', gatewayOnly, async () => {
  const params = ask(target.unseen('Say hello'));
  const first = await client().messages.create(params).withResponse();
  const second = await client().messages.create(params).withResponse();
  assert.equal(first.response.headers.get('cf-aig-cache-status'), 'MISS');
  assert.equal(second.response.headers.get('cf-aig-cache-status'), 'HIT');
  assert.match(second.response.headers.get('age') ?? '', /^\d+$/);
  assert.deepEqual(second.data, first.data);
});

test('skip-cache as a default or extra header reads past a stored answer', gatewayOnly, async () => {
  const params = ask(target.unseen('Say hello'));
  await client().messages.create(params);
  const skipping = client('my-gateway', { defaultHeaders: SKIP });
  for (const [call, expected] of [
    [() => skipping.messages.create(params), 'MISS'],
    [() => client().messages.create(params, { headers: SKIP }), 'MISS'],
    [() => client().messages.create(params), 'HIT'],
  ] as const) {
    assert.equal((await call().withResponse()).response.headers.get('cf-aig-cache-status'), expected);
  }
});

test('a stream is replayed event for event', gatewayOnly, async () => {
  const params = ask(target.unseen('Count to three'));
  const call = async () => {
    const { data, response } = await client().messages.create({ ...params, stream: true }).withResponse();
    return { headers: response.headers, events: await target.all(data) };
  };
  const [first, second] = [await call(), await call()];
  assert.equal(first.headers.get('cf-aig-cache-status'), 'MISS');
  assert.equal(second.headers.get('cf-aig-cache-status'), 'HIT');
  assert.match(second.headers.get('content-type') ?? '', /^text\/event-stream/);
  assert.deepEqual(second.events, first.events);
  assert.equal(second.events.at(-1)?.type, 'message_stop');
  const whole = await client().messages.create(params).withResponse();
  assert.equal(whole.response.headers.get('cf-aig-cache-status'), 'MISS', 'stream and whole answer must not mix');
});

test('the gateway asks a provider that fails twice again, so that the SDK need not', gatewayOnly, async () => {
  const params = { ...ask(target.unseen('Say hello')), model: 'mock-error-529-2x' };
  const { data, response } = await client().messages.create(params, target.RETRYING).withResponse();
  assert(text(data));
  assert.deepEqual([response.status, response.headers.get('cf-aig-step')], [200, '0']);

  const pieces: string[] = [];
  const stream = client().messages.stream({ ...params }, target.RETRYING);
  stream.on('text', (piece) => pieces.push(piece));
  assert.equal((await stream.finalMessage()).stop_reason, 'end_turn');
  assert(pieces.length > 1, 'the answer came in one piece');
});

test('a provider that keeps failing is asked no more than that, and its error is the SDK\'s', gatewayOnly, async () => {
  const prompt = target.unseen('Say hello');
  const call = client().messages.create({ ...ask(prompt), model: 'mock-error-529' }, target.RETRYING);
  assert.equal((await target.failure(Anthropic.OverloadedError, call)).type, 'overloaded_error');
  assert.equal((await target.attempts(prompt)).length, 3);
});

test('a provider that says how long to wait is asked again no sooner', gatewayOnly, async () => {
  const prompt = target.unseen('Say hello');
  const started = performance.now();
  await client().messages.create({ ...ask(prompt), model: 'mock-error-429-1x' }, target.RETRYING);
  assert(performance.now() - started >= 1000);
  assert.equal((await target.attempts(prompt)).length, 2);
});

test('a locked gateway refuses a call without its credential', gatewayOnly, async () => {
  for (const options of [{}, { defaultHeaders: { 'cf-aig-authorization': 'Bearer wrong' } }]) {
    const call = client('locked', options).messages.create(ask('Hello'));
    const error = await target.failure(Anthropic.AuthenticationError, call);
    target.assertRefusal(error, 2009);
    assert.equal(error.headers?.get('x-should-retry'), 'false');
  }
});

for (const [place, options] of Object.entries({
  'a default header': { defaultHeaders: { 'cf-aig-authorization': `Bearer ${target.CREDENTIAL}` } },
  'the API key': { apiKey: target.CREDENTIAL },
  'the auth token': { apiKey: null, authToken: target.CREDENTIAL },
})) {
  test(`a locked gateway opens to its credential in ${place}`, gatewayOnly, async () => {
    assertAnswer(await client('locked', options).messages.create(ask(target.unseen('Hello'))));
  });
}

test('an unknown gateway or provider is a bad request', gatewayOnly, async () => {
  for (const [baseURL, code] of [
    [target.url('anthropic', 'no-such-gateway'), 2001],
    [target.url('no-such-provider'), 2008],
  ] as const) {
    const call = client('my-gateway', { baseURL }).messages.create(ask('Hello'));
    const error = await target.failure(Anthropic.BadRequestError, call);
    target.assertRefusal(error, code);
    assert.equal(error.headers?.get('x-should-retry'), 'false');
  }
});

test('a rate-limited call waits as long as the gateway says', gatewayOnly, async () => {
  const hello = () => ask(target.unseen('Hello'));
  const call = () => client('limited').messages.create(hello());
  const { error, seconds } = await target.saturate(Anthropic.RateLimitError, call);
  target.assertRefusal(error, 2003);

  // One retry must do: the SDK's own back-off alone would knock again too early and fail.
  const { fetch, retryCounts } = target.observedFetch();
  const started = performance.now();
  assertAnswer(await client('limited', { fetch, maxRetries: 1 }).messages.create(hello()));
  assert.deepEqual(retryCounts, ['0', '1']);
  assert(performance.now() - started > (seconds - 1) * 1000);
});
