// The page as a real Envoy serves it, over calls that went through the gateway: CONSOLE_URL and GATEWAY_URL say where.

import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { test } from 'node:test';

import { open, rows, until } from './browser.js';
import { PAGE } from './mock.js';

const { CONSOLE_URL, GATEWAY_URL } = process.env;
const RECORDS = 10_000;
const AT_ONCE = 64;
const LONGEST_MS = 300;
const TRIES = 20;
const MARK = '<img src=x onerror=alert(1)><script>alert(2)</script>';

const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE });
const envoy = { skip: CONSOLE_URL ? false : 'needs CONSOLE_URL' };
const server = { url: CONSOLE_URL };

/** A call through the gateway; hands back its status once the answer is over. */
function call(path, body, headers = {}) {
  return new Promise((resolve, reject) => {
    const sent = request(`${GATEWAY_URL}/v1/acme/${path}`, { method: 'POST', agent, headers: { 'content-type': 'application/json', authorization: 'Bearer sk-test', ...headers } }, (answer) => {
      answer.resume().on('end', () => resolve(answer.statusCode)).on('error', reject);
    });
    sent.on('error', reject).end(JSON.stringify(body));
  });
}

const said = (content, more) => ({ messages: [{ role: 'user', content }], ...more });
const about = (metadata) => ({ 'cf-aig-metadata': JSON.stringify(metadata) });

test('every file of the page is served as it is, under the policy', envoy, async () => {
  for (const name of ['', ...await readdir(PAGE)]) {
    const answer = await fetch(`${CONSOLE_URL}/${name && `console/${name}`}`);
    assert.equal(answer.status, 200, name);
    assert.match(answer.headers.get('content-security-policy'), /^default-src 'none'; script-src 'self'; style-src 'self';/);
    assert.equal(answer.headers.get('x-content-type-options'), 'nosniff');
    assert.equal(await answer.text(), await readFile(`${PAGE}/${name || 'index.html'}`, 'utf8'), name);
    const again = await fetch(answer.url, { headers: { 'if-none-match': answer.headers.get('etag') } });
    assert.equal(again.status, 304);
  }
});

test('calls appear with what they cost and said, and can be rated, filtered and summed', envoy, async (t) => {
  const { page } = await open(t, '#calls?range=1h', server);
  await page.getByText('No calls in the last 1 hour.').waitFor();
  assert.equal(await call('my-gateway/openai/chat/completions', said('How deep is the lock?', { model: 'gpt-4o-mini', stream: true, stream_options: { include_usage: true } }), about({ team: 'search' })), 200);
  assert.equal(await call('my-gateway/anthropic/v1/messages', said('And how wide?', { model: 'claude-haiku-4-5', max_tokens: 64 }), { ...about({ team: 'billing' }), 'anthropic-version': '2023-06-01' }), 200);
  assert.equal(await call('my-gateway/anthropic/v1/messages', said('And how wide?', { model: 'claude-haiku-4-5', max_tokens: 64 }), { 'anthropic-version': '2023-06-01' }), 200);
  assert.equal(await call('my-gateway/openai/responses', { model: 'gpt-4o-mini', input: 'And how long?' }), 200);
  const step = (model) => ({ provider: 'openai', endpoint: 'chat/completions', headers: { authorization: 'Bearer sk' }, query: said('Fall back', { model }) });
  assert.equal(await call('my-gateway', [step('mock-error-529'), step('gpt-4o-mini')]), 200);
  const list = await until(() => rows(page), (found) => found.length === 5);
  assert.match(list[0].join(' '), /200.*2 attempts.*gpt-4o-mini/);
  assert.match(list[2].join(' '), /200\s*cached claude-haiku-4-5/);

  await page.locator('tr[data-id]', { hasText: 'team search' }).click();
  await page.locator('.turn').nth(1).waitFor();
  const turns = await page.locator('.turn').allInnerTexts();
  assert.match(turns[0], /User\s+How deep is the lock\?/);
  assert.match(turns[1], /Assistant\s+stop\s+The mock provider heard: How deep is the lock\?/);
  assert.match(await page.locator('.figures').innerText(), /Cost\s+\$0\.0000/);
  await page.getByRole('button', { name: 'Good answer' }).click();
  await page.locator('tr .thumb.good').waitFor();
  await page.reload();
  await page.locator('.rate-up[aria-pressed="true"]').waitFor();

  await page.locator('.summary').getByRole('button', { name: 'team search' }).click();
  await until(() => rows(page), (found) => found.length === 1);
  await page.getByRole('link', { name: 'Overview' }).click();
  await page.getByRole('button', { name: 'Clear all' }).click();
  await until(() => page.locator('section[aria-label="Requests"] .big').innerText(), (text) => text === '6');
  assert.match(await page.locator('section[aria-label="Cost by metadata"]').innerText(), /search/);
  await page.getByRole('link', { name: 'Gateways' }).click();
  await page.getByRole('region', { name: 'Gateway limited' }).getByRole('meter', { name: 'Rate limit' }).waitFor();
});

test('hostile content that came through the gateway does not run', envoy, async (t) => {
  await call('my-gateway/openai/chat/completions', said(MARK, { model: MARK, user: MARK }), { ...about({ [MARK]: MARK }), 'user-agent': MARK, 'cf-aig-event-id': MARK });
  const { page } = await open(t, '', server);
  await page.locator('tr[data-id]', { hasText: 'onerror' }).first().click();
  await page.locator('.turn').first().waitFor();
  await page.getByRole('tab', { name: 'Details' }).click();
  await page.locator('.facts').waitFor();
  assert.equal(await page.locator('main script, main img[onerror]').count(), 0);
});

test('the calls are shown within 300 ms, of 10,000 records', envoy, async (t) => {
  let left = RECORDS;
  // Refused at once, so that it takes no provider to make so many.
  const worker = async () => {
    while (left-- > 0) assert.equal(await call('locked/openai/chat/completions', said('x', { model: 'gpt-4o-mini' })), 401);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  const { page } = await open(t, '', server);
  await until(async () => {
    await page.reload();
    await rows(page);
    return Number((await page.locator('.pages').innerText()).match(/of ([\d,]+)/)[1].replaceAll(',', ''));
  }, (total) => total >= RECORDS);
  const times = [];
  for (let tries = 0; tries < TRIES && !(times.at(-1) < LONGEST_MS); tries += 1) {
    await page.reload();
    await page.waitForFunction(() => performance.getEntriesByName('calls-shown').length > 0);
    times.push(await page.evaluate(() => Math.round(performance.getEntriesByName('calls-shown')[0].startTime)));
  }
  t.diagnostic(`first render after ${times.join(', ')} ms`);
  assert.ok(Math.min(...times) < LONGEST_MS, times.join(', '));
});
