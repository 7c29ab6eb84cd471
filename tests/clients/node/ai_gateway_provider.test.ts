/**
 * Cloudflare's own `ai-gateway-provider`, with the Vercel AI SDK, against the universal endpoint.
 *
 * The client knows one host, the hosted service's; `fetch` puts the gateway in its place and changes nothing else.
 */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { APICallError, generateText, streamText, type LanguageModel } from 'ai';
import { AiGatewayDoesNotExist, AiGatewayUnauthorizedError, createAiGateway } from 'ai-gateway-provider';
import type { AiGatewayOptions } from 'ai-gateway-provider';
import { createAnthropic } from 'ai-gateway-provider/providers/anthropic';
import { createOpenAI } from 'ai-gateway-provider/providers/openai';
import { createUnified } from 'ai-gateway-provider/providers/unified';
import * as target from './target.js';

const { gatewayOnly, recordsOnly } = target;
const HOSTED = 'https://gateway.ai.cloudflare.com';
const [CLAUDE, GPT] = ['claude-haiku-4-5', 'gpt-4o-mini'];
const anthropic = createAnthropic({ apiKey: 'sk-ant-test' });
const openai = createOpenAI({ apiKey: 'sk-test' });

const { fetch } = globalThis;
globalThis.fetch = (input, init) => fetch(typeof input === 'string' ? target.moved(input, HOSTED) : input, init);

/** The client of a gateway, as its own instructions make it. */
const client = (options: AiGatewayOptions = {}, apiKey = 'unused', gateway = 'my-gateway') =>
  createAiGateway({ accountId: 'any-account', gateway, apiKey, options });

/** The arguments of a call that the AI SDK itself makes only once. */
const ask = (model: LanguageModel, prompt = target.unseen('Say hello')) => ({ model, prompt, maxRetries: 0 });

const step = (response: { headers?: Record<string, string> }) => response.headers?.['cf-aig-step'];

/** The provider's path and credential of each attempt at `prompt`, in order. */
async function attempts(prompt: string) {
  const seen = await target.attempts(prompt);
  return seen.map(({ path, headers }) => [path, headers.get('x-api-key') ?? headers.get('authorization')]);
}

const ANTHROPIC = ['/v1/messages', 'sk-ant-test'];
const OPENAI = ['/v1/chat/completions', 'Bearer sk-test'];

for (const [api, model] of [
  ['chat completions', openai.chat(GPT)],
  ['Responses', openai.responses(GPT)],
  ['Anthropic messages', anthropic(CLAUDE)],
] as const) {
  test(`one model answers in ${api}`, gatewayOnly, async () => {
    const { text, usage, finishReason, response } = await generateText(ask(client()(model)));
    assert(text.includes('Say hello'));
    assert(usage.inputTokens && usage.outputTokens);
    assert.deepEqual([finishReason, response.modelId, step(response)], ['stop', model.modelId, '0']);
  });
}

for (const status of [500, 401, 404]) {
  test(`after a ${status} the second model answers, and no key goes to the other provider`, gatewayOnly, async () => {
    const model = client()([anthropic(`mock-error-${status}`), openai.chat(GPT)]);
    const prompt = target.unseen('Say hello');
    const { text, response } = await generateText(ask(model, prompt));
    assert(text.includes(prompt));
    assert.deepEqual([response.modelId, step(response)], [GPT, '1']);
    assert.deepEqual(await attempts(prompt), [ANTHROPIC, OPENAI]);
  });

  test(`after a ${status} the second model streams`, gatewayOnly, async () => {
    const model = client()([openai.chat(`mock-error-${status}`), anthropic(CLAUDE)]);
    const prompt = target.unseen('Count to three');
    const result = streamText(ask(model, prompt));
    const pieces = await target.all(result.textStream);
    assert(pieces.length > 1, 'the answer came in one piece');
    assert(pieces.join('').includes(prompt));
    const [usage, response] = await Promise.all([result.usage, result.response]);
    assert(usage.inputTokens && usage.outputTokens);
    assert.deepEqual([response.modelId, step(response)], [CLAUDE, '1']);
    assert.deepEqual(await attempts(prompt), [OPENAI, ANTHROPIC]);
  });
}

test('when all models fail, the last one\'s error is the answer', gatewayOnly, async () => {
  const model = client()([openai.chat('mock-error-500'), anthropic('mock-error-529')]);
  await assert.rejects(generateText(ask(model)), (error) => {
    assert(APICallError.isInstance(error));
    assert.deepEqual([error.statusCode, error.responseHeaders?.['cf-aig-step']], [529, '1']);
    assert.equal(JSON.parse(error.responseBody ?? '').error.type, 'overloaded_error');
    return true;
  });
});

test('an error of the program\'s own making goes to no other model', gatewayOnly, async () => {
  const prompt = target.unseen('Say hello');
  const call = generateText(ask(client()([openai.chat('mock-error-400'), anthropic(CLAUDE)]), prompt));
  await assert.rejects(call, (error) => APICallError.isInstance(error) && error.statusCode === 400);
  assert.deepEqual(await attempts(prompt), [OPENAI]);
});

test('the unified models are reached by their prefix, also after another one failed', gatewayOnly, async () => {
  const unified = createUnified({ apiKey: 'sk-unified' });
  const prompt = target.unseen('Say hello');
  const { text, response } = await generateText(ask(client()([anthropic('mock-error-404'), unified(`openai/${GPT}`)]), prompt));
  assert(text.includes(prompt));
  assert.deepEqual([response.modelId, step(response)], [GPT, '1']);
  assert.deepEqual(await attempts(prompt), [ANTHROPIC, ['/v1/chat/completions', 'Bearer sk-unified']]);
});

test('retries are made by the gateway, before the next model is tried', gatewayOnly, async () => {
  const retries = { maxAttempts: 3, retryDelayMs: 10, backoff: 'constant' } as const;
  for (const [failing, expected] of [['mock-error-503-2x', '0'], ['mock-error-503', '1']] as const) {
    const prompt = target.unseen('Say hello');
    const model = client({ retries })([openai.chat(failing), anthropic(CLAUDE)]);
    const { response } = await generateText(ask(model, prompt));
    assert.equal(step(response), expected);
    const tried = [OPENAI, OPENAI, OPENAI, ANTHROPIC];
    assert.deepEqual(await attempts(prompt), tried.slice(0, expected === '0' ? 3 : 4));
  }
});

test('a cache key, a time to live and skipping the cache do what they say', gatewayOnly, async () => {
  const cached = { cacheKey: target.unseen('key'), cacheTtl: 60 };
  const calls: [AiGatewayOptions, string | undefined][] = [
    [cached, 'MISS'],
    [cached, 'HIT'],
    [{ ...cached, skipCache: true }, 'MISS'],
    [{ ...cached, cacheTtl: 0 }, undefined],
  ];
  for (const [options, expected] of calls) {
    // Another prompt each time: only the key makes the calls alike.
    const { response } = await generateText(ask(client(options)(openai.chat(GPT))));
    assert.equal(response.headers?.['cf-aig-cache-status'], expected);
  }
});

test('metadata and event id are in the record of every model that was tried', recordsOnly, async () => {
  const options = { metadata: { team: 'search', user: 7, test: true }, eventId: randomUUID() };
  await generateText(ask(client(options)([anthropic('mock-error-500'), openai.chat(GPT)])));
  const records = await target.records(options.eventId, 2);
  assert.deepEqual(
    records.map((record) => [record.step, record.provider, record.status_code, record.success, record.metadata]),
    [
      [0, 'anthropic', 500, false, options.metadata],
      [1, 'openai', 200, true, options.metadata],
    ],
  );
});

test('collectLog: false leaves no record', recordsOnly, async () => {
  const [silent, logged] = [randomUUID(), randomUUID()];
  const model = [anthropic('mock-error-500'), openai.chat(GPT)];
  await generateText(ask(client({ collectLog: false, eventId: silent })(model)));
  await generateText(ask(client({ eventId: logged })(model)));
  await target.records(logged, 2);
  assert.deepEqual(await target.records(silent, 0), []);
});

test('a locked gateway opens to the API key, which no provider sees', gatewayOnly, async () => {
  const prompt = target.unseen('Say hello');
  const { text } = await generateText(ask(client({}, target.CREDENTIAL, 'locked')(openai.chat(GPT)), prompt));
  assert(text.includes(prompt));
  for (const { headers } of await target.attempts(prompt)) {
    assert.deepEqual([...headers.keys()].filter((name) => name.startsWith('cf-aig-')), []);
    assert(![...headers.values()].join().includes(target.CREDENTIAL));
  }
});

test('the client knows the gateway\'s refusals by their class', gatewayOnly, async () => {
  const refused = (...of: [string, string]) => generateText(ask(client({}, ...of)(openai.chat(GPT))));
  await assert.rejects(refused('wrong', 'locked'), AiGatewayUnauthorizedError);
  await assert.rejects(refused('unused', 'no-such-gateway'), AiGatewayDoesNotExist);
});

test('options in each step, as a Worker\'s binding sends them, hold for that step', gatewayOnly, async () => {
  const post = (steps: unknown, init = {}) =>
    fetch(target.url(''), { method: 'POST', body: JSON.stringify(steps), ...init });
  const retries = { maxAttempts: 2, retryDelayMs: 10 } as const;
  const model = createAiGateway({ binding: { run: post }, options: { retries } });
  const prompt = target.unseen('Say hello');
  const { response } = await generateText(ask(model([openai.chat('mock-error-500'), anthropic(CLAUDE)]), prompt));
  assert.equal(step(response), '1');
  assert.deepEqual(await attempts(prompt), [OPENAI, OPENAI, ANTHROPIC]);
});
