/** The hosted service's own SDK drives the control API: nothing is changed but its base URL. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';

import Cloudflare, { NotFoundError, BadRequestError, APIError } from 'cloudflare';
import OpenAI from 'openai';

import { CONSOLE_URL, consoleOnly, unseen, url } from './target.js';

const account_id = 'any-account';
const gateway_id = 'my-gateway';
const at = { account_id, gateway_id };

const client = () =>
  new Cloudflare({ apiToken: 'an-open-console-needs-none', baseURL: `${CONSOLE_URL}/client/v4`, maxRetries: 0 });

/** Makes a call that is logged with its bodies, and returns the id of its log once it is there. */
async function call(prompt: string): Promise<string> {
  const provider = new OpenAI({ apiKey: 'sk-test', baseURL: url('openai'), maxRetries: 0 });
  const { response } = await provider.chat.completions
    .create(
      { model: 'gpt-4o-mini', messages: [{ role: 'user', content: prompt }] },
      { headers: { 'cf-aig-skip-cache': 'true' } },
    )
    .withResponse();
  const id = response.headers.get('cf-aig-log-id') ?? '';
  for (const end = Date.now() + 10_000; Date.now() < end; await setTimeout(20)) {
    try {
      return (await client().aiGateway.logs.get(id, at)).id;
    } catch (error) {
      assert(error instanceof NotFoundError, `${error}`);
    }
  }
  throw new Error(`no log ${id}`);
}

test('logs are listed with filters, read, patched and deleted', consoleOnly, async () => {
  const prompt = unseen('logs');
  const id = await call(prompt);
  const { logs } = client().aiGateway;
  const list = (cached: boolean) =>
    logs.list(gateway_id, {
      account_id,
      meta_info: true,
      order_by: 'created_at',
      filters: [
        { key: 'id', operator: 'eq', value: [id] },
        { key: 'provider', operator: 'eq', value: ['openai', 'groq'] },
        { key: 'cached', operator: 'eq', value: [cached] },
        { key: 'feedback', operator: 'eq', value: [null] },
      ],
    });
  assert.deepEqual((await list(false)).result.map((log) => log.id), [id]);
  assert.deepEqual((await list(true)).result, []);
  const log = await logs.get(id, at);
  assert(log.success && log.request_head?.includes(prompt));
  const request = (await logs.request(id, at)) as { messages: { content: string }[] };
  assert.equal(request.messages[0]?.content, prompt);
  assert.equal(((await logs.response(id, at)) as { object: string }).object, 'chat.completion');
  await logs.edit(id, { ...at, feedback: -1, score: 7, metadata: { team: 'blue' } });
  const patched = (await logs.get(id, at)) as unknown as { feedback: number; score: number; metadata: unknown };
  assert.deepEqual([patched.feedback, patched.score, patched.metadata], [-1, 7, { team: 'blue' }]);
  const filters = [{ key: 'id' as const, operator: 'eq' as const, value: [id] }];
  assert((await logs.delete(gateway_id, { account_id, filters })).success);
  await assert.rejects(logs.get(id, at), NotFoundError);
});

test('pages follow each other to the end', consoleOnly, async () => {
  await Promise.all([1, 2, 3].map(() => call(unseen('page'))));
  const seen: string[] = [];
  for await (const log of client().aiGateway.logs.list(gateway_id, { account_id, per_page: 2 })) seen.push(log.id);
  assert(seen.length >= 3);
  assert.equal(new Set(seen).size, seen.length);
});

test('a wrong parameter is an exception with its code', consoleOnly, async () => {
  const listed = client().aiGateway.logs.list(gateway_id, { account_id, per_page: 100 });
  await assert.rejects(async () => await listed, (error) => {
    assert(error instanceof BadRequestError);
    assert.equal(error.errors[0]?.code, 7001);
    return true;
  });
});

test('gateways and urls are read; a write names the field of the configuration', consoleOnly, async () => {
  const { aiGateway } = client();
  const ids: string[] = [];
  for await (const gateway of aiGateway.list({ account_id })) ids.push(gateway.id);
  assert.deepEqual(ids.sort(), ['limited', 'locked', 'my-gateway']);
  assert.equal((await aiGateway.get('limited', { account_id })).rate_limiting_limit, 5);
  assert.equal(await aiGateway.urls.get('openai', at), url('openai'));
  await assert.rejects(aiGateway.delete('limited', { account_id }), (error) => {
    assert(error instanceof APIError);
    return error.status === 405 && `${error.message}`.includes('`gateways`');
  });
});

test('datasets and evaluations live from their making to their end', consoleOnly, async () => {
  await call(unseen('evaluate'));
  const { datasets, evaluations, evaluationTypes } = client().aiGateway;
  const dataset = await datasets.create(gateway_id, {
    account_id,
    enable: true,
    name: 'node',
    filters: [{ key: 'provider', operator: 'eq', value: ['openai'] }],
  });
  const types: string[] = [];
  for await (const type of evaluationTypes.list({ account_id })) types.push(type.id);
  const evaluation = await evaluations.create(gateway_id, {
    account_id,
    name: 'node',
    dataset_ids: [dataset.id],
    evaluation_type_ids: types,
  });
  assert(evaluation.processed && evaluation.total_logs >= 1);
  assert.equal(evaluation.results.length, 3);
  assert.equal((await evaluations.get(evaluation.id, at)).name, 'node');
  assert.equal((await evaluations.delete(evaluation.id, at)).id, evaluation.id);
  assert.equal((await datasets.delete(dataset.id, at)).id, dataset.id);
});
