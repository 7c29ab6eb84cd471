/** The official `openai` package against the gateway, changed in nothing but base URL and default headers. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import OpenAI, { type ClientOptions } from 'openai';
import * as target from './target.js';

const MODEL = 'gpt-4o-mini';
const WEATHER = {
  name: 'get_weather',
  description: 'The weather in a city',
  parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
};
const SKIP = { 'cf-aig-skip-cache': 'true' };
const { gatewayOnly } = target;

const client = (gateway = 'my-gateway', options: ClientOptions = {}) =>
  new OpenAI({ baseURL: target.url('openai', gateway), apiKey: 'sk-test', maxRetries: 0, ...options });

const ask = (prompt: string): OpenAI.Chat.ChatCompletionCreateParamsNonStreaming => ({
  model: MODEL,
  messages: [{ role: 'user', content: prompt }],
});

function assertAnswer({ model, choices, usage }: OpenAI.Chat.ChatCompletion): void {
  assert.equal(model, MODEL);
  assert.deepEqual(choices.map((choice) => [choice.finish_reason, choice.message.role]), [['stop', 'assistant']]);
  assert(choices[0]?.message.content);
  assertUsage(usage?.prompt_tokens, usage?.completion_tokens, usage?.total_tokens);
}

function assertUsage(input = 0, output = 0, total = 0): void {
  assert(input > 0 && output > 0);
  assert.equal(total, input + output);
}

function assertToolCall({ choices }: OpenAI.Chat.ChatCompletion): void {
  const [call] = choices[0]?.message.tool_calls ?? [];
  assert.equal(choices[0]?.finish_reason, 'tool_calls');
  assert(call?.type === 'function' && call.id);
  assert.equal(call.function.name, 'get_weather');
  assert.equal(typeof JSON.parse(call.function.arguments), 'object');
}

function assertResponse({ status, model, output_text, usage }: OpenAI.Responses.Response): void {
  assert.deepEqual([status, model], ['completed', MODEL]);
  assert(output_text);
  assertUsage(usage?.input_tokens, usage?.output_tokens, usage?.total_tokens);
}

test('a chat completion arrives with text and usage', async () => {
  assertAnswer(await client().chat.completions.create(ask(target.unseen('Say hello'))));
});

test('a chat stream assembles to text and usage', async () => {
  const params = { ...ask(target.unseen('Count to three')), stream_options: { include_usage: true } };
  const chunks = await target.all(await client().chat.completions.create({ ...params, stream: true }));
  const pieces = chunks.map((chunk) => chunk.choices[0]?.delta.content ?? '').filter(Boolean);
  assert(pieces.length > 1, 'the answer came in one piece');
  const usage = chunks.at(-1)?.usage;
  assertUsage(usage?.prompt_tokens, usage?.completion_tokens, usage?.total_tokens);
});

test('a chat tool call arrives as tool_calls, whole and streamed', async () => {
  const tools = [{ type: 'function', function: WEATHER }] as const;
  const weather = () => ({ ...ask(target.unseen('Weather in Paris?')), tools: [...tools] });
  assertToolCall(await client().chat.completions.create(weather()));
  assertToolCall(await client().chat.completions.stream({ ...weather(), stream: true }).finalChatCompletion());
});

test('a response arrives with text and usage', async () => {
  assertResponse(await client().responses.create({ model: MODEL, input: target.unseen('Say hello') }));
});

test('a response stream assembles to a whole response', async () => {
  const pieces: string[] = [];
  const stream = client()
    .responses.stream({ model: MODEL, input: target.unseen('Count to three') })
    .on('response.output_text.delta', ({ delta }) => pieces.push(delta));
  const response = await stream.finalResponse();
  assert(pieces.length > 1, 'the answer came in one piece');
  assert.equal(pieces.join(''), response.output_text);
  assertResponse(response);
});

test('a response tool call arrives as function_call', async () => {
  const tools = [{ type: 'function', strict: false, ...WEATHER } as const];
  const response = await client().responses.create({ model: MODEL, input: target.unseen('Weather in Paris?'), tools });
  const [call] = response.output.filter((item) => item.type === 'function_call');
  assert.equal(call?.name, 'get_weather');
  assert.equal(typeof JSON.parse(call.arguments), 'object');
});

for (const [status, kind] of [
  [401, OpenAI.AuthenticationError],
  [429, OpenAI.RateLimitError],
  [500, OpenAI.InternalServerError],
  [529, OpenAI.InternalServerError],
] as const) {
  test(`a provider's ${status} keeps its exception class and body`, async () => {
    const model = `mock-error-${status}`;
    const calls = [
      client().chat.completions.create({ ...ask('Hello'), model }),
      client().responses.create({ model, input: 'Hello' }),
    ];
    const failures = calls.map((call) => target.failure<InstanceType<typeof OpenAI.APIError>>(kind, call));
    for (const error of await Promise.all(failures)) {
      assert.equal(error.status, status);
      assert(error.type && !Array.isArray(error.error), 'the provider\'s own body must reach the SDK');
    }
  });
}

test('the same call again is a hit', gatewayOnly, async () => {
  const prompt = target.unseen('Say hello');
  for (const call of [
    () => client().chat.completions.create(ask(prompt)).withResponse(),
    () => client().responses.create({ model: MODEL, input: prompt }).withResponse(),
  ]) {
    const [first, second] = [await call(), await call()];
    assert.equal(first.response.headers.get('cf-aig-cache-status'), 'MISS');
    assert.equal(second.response.headers.get('cf-aig-cache-status'), 'HIT');
    assert.match(second.response.headers.get('age') ?? '', /^\d+$/);
    assert.deepEqual(second.data, first.data);
  }
});

test('skip-cache as a default or extra header reads past a stored answer', gatewayOnly, async () => {
  const params = ask(target.unseen('Say hello'));
  await client().chat.completions.create(params);
  const skipping = client('my-gateway', { defaultHeaders: SKIP });
  for (const [call, expected] of [
    [() => skipping.chat.completions.create(params), 'MISS'],
    [() => client().chat.completions.create(params, { headers: SKIP }), 'MISS'],
    [() => client().chat.completions.create(params), 'HIT'],
  ] as const) {
    assert.equal((await call().withResponse()).response.headers.get('cf-aig-cache-status'), expected);
  }
});

test('a stream is replayed event for event', gatewayOnly, async () => {
  const prompt = target.unseen('Count to three');
  const chat = async () => {
    const { data, response } = await client().chat.completions.create({ ...ask(prompt), stream: true }).withResponse();
    return { headers: response.headers, events: await target.all<unknown>(data) };
  };
  const responses = async () => {
    const call = client().responses.create({ model: MODEL, input: prompt, stream: true });
    const { data, response } = await call.withResponse();
    return { headers: response.headers, events: await target.all<unknown>(data) };
  };
  for (const call of [chat, responses]) {
    const [first, second] = [await call(), await call()];
    assert.equal(first.headers.get('cf-aig-cache-status'), 'MISS');
    assert.equal(second.headers.get('cf-aig-cache-status'), 'HIT');
    assert.match(second.headers.get('content-type') ?? '', /^text\/event-stream/);
    assert(first.events.length > 1);
    assert.deepEqual(second.events, first.events);
  }
});

test('the gateway asks a provider that fails twice again, so that the SDK need not', gatewayOnly, async () => {
  const params = { ...ask(target.unseen('Say hello')), model: 'mock-error-500-2x' };
  const { data, response } = await client().chat.completions.create(params, target.RETRYING).withResponse();
  assert(data.choices[0]?.message.content);
  assert.deepEqual([response.status, response.headers.get('cf-aig-step')], [200, '0']);

  const stream = await client().chat.completions.create({ ...params, stream: true }, target.RETRYING);
  const chunks = await target.all(stream);
  assert(chunks.length > 3, 'the answer came in one piece');
  assert.equal(chunks.at(-1)?.choices[0]?.finish_reason, 'stop');
});

test('a provider that keeps failing is asked no more than that, and its error is the SDK\'s', gatewayOnly, async () => {
  const prompt = target.unseen('Say hello');
  const call = client().chat.completions.create({ ...ask(prompt), model: 'mock-error-500' }, target.RETRYING);
  assert.equal((await target.failure(OpenAI.InternalServerError, call)).type, 'server_error');
  assert.equal((await target.attempts(prompt)).length, 3);
});

test('a provider that says how long to wait is asked again no sooner', gatewayOnly, async () => {
  const prompt = target.unseen('Say hello');
  const started = performance.now();
  await client().chat.completions.create({ ...ask(prompt), model: 'mock-error-429-1x' }, target.RETRYING);
  assert(performance.now() - started >= 1000);
  assert.equal((await target.attempts(prompt)).length, 2);
});

test('a locked gateway refuses a call without its credential', gatewayOnly, async () => {
  for (const options of [{}, { defaultHeaders: { 'cf-aig-authorization': 'Bearer wrong' } }]) {
    const call = client('locked', options).chat.completions.create(ask('Hello'));
    const error = await target.failure(OpenAI.AuthenticationError, call);
    target.assertRefusal(error, 2009);
    assert.equal(error.headers?.get('x-should-retry'), 'false');
  }
});

for (const [place, options] of Object.entries({
  'a default header': { defaultHeaders: { 'cf-aig-authorization': `Bearer ${target.CREDENTIAL}` } },
  'the API key': { apiKey: target.CREDENTIAL },
})) {
  test(`a locked gateway opens to its credential in ${place}`, gatewayOnly, async () => {
    assertAnswer(await client('locked', options).chat.completions.create(ask(target.unseen('Hello'))));
  });
}

test('an unknown gateway or provider is a bad request', gatewayOnly, async () => {
  for (const [baseURL, code] of [
    [target.url('openai', 'no-such-gateway'), 2001],
    [target.url('no-such-provider'), 2008],
  ] as const) {
    const call = client('my-gateway', { baseURL }).chat.completions.create(ask('Hello'));
    const error = await target.failure(OpenAI.BadRequestError, call);
    target.assertRefusal(error, code);
    assert.equal(error.headers?.get('x-should-retry'), 'false');
  }
});

test('a rate-limited call waits as long as the gateway says', gatewayOnly, async () => {
  const hello = () => ask(target.unseen('Hello'));
  const call = () => client('limited').chat.completions.create(hello());
  const { error, seconds } = await target.saturate(OpenAI.RateLimitError, call);
  target.assertRefusal(error, 2003);

  // One retry must do: the SDK's own back-off alone would knock again too early and fail.
  const { fetch, retryCounts } = target.observedFetch();
  const started = performance.now();
  assertAnswer(await client('limited', { fetch, maxRetries: 1 }).chat.completions.create(hello()));
  assert.deepEqual(retryCounts, ['0', '1']);
  assert(performance.now() - started > (seconds - 1) * 1000);
});
