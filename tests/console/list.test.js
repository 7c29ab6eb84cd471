// The list of calls.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { focused, open, rows, until } from './browser.js';
import { id, record, records } from './records.js';

const MINUTE = 60_000;

test('the newest call comes first, with status, model, tokens, cost, latency and metadata', async (t) => {
  const log = [record(2, Date.now() - 1000, { metadata: { team: 'search', vip: true } }), record(1, Date.now() - MINUTE, { model: 'older' })];
  const { page } = await open(t, '', { log });
  const [first, second] = await rows(page);
  assert.deepEqual(first.slice(1), ['200', 'gpt-5-mini openai', '120 → 44', '$0.00012', '900 ms', 'team search vip true']);
  assert.equal(second[2], 'older openai');
});

test('what is not known is a dash and never a zero', async (t) => {
  const unknown = { tokens_in: null, tokens_out: null, duration: null, timings: {}, cost_source: null };
  const log = [record(2, Date.now() - 1000, { ...unknown, cost: null }), record(1, Date.now() - 2000, { ...unknown, cost: 0 }), record(0, Date.now() - 3000, { tokens_in: 0, tokens_out: 0, cost: 0, cached: true, cost_source: null })];
  const { page } = await open(t, '', { log });
  const shown = (await rows(page)).map((cells) => cells.slice(3, 6));
  assert.deepEqual(shown, [['–', '–', '–'], ['–', '–', '–'], ['0 → 0', '$0', '900 ms']]);
  await page.locator('tr[data-id]').first().click();
  const figures = await page.locator('.figures dd').allInnerTexts();
  assert.deepEqual(figures, ['–', '–', '–', '–', '–']);
});

test('a call from the cache shows what it saved, struck through', async (t) => {
  const log = [record(1, Date.now() - 1000, { cached: true, outcome: 'cached', cost: 0, saved_cost: 0.0125 })];
  const { page } = await open(t, '', { log });
  assert.equal(await page.locator('.cost s').innerText(), '$0.013');
  assert.match((await rows(page))[0][1], /cached/);
});

test('attempts of one event are one row that unfolds in their order', async (t) => {
  const now = Date.now();
  const event = { event_id: 'e', model: 'gpt-5' };
  const log = [
    record(3, now - 1000, { ...event, step: 1, provider: 'groq', model: 'llama' }),
    record(2, now - 2000, { ...event, status_code: 503, success: false, failed_attempts: [{ status_code: 429, after: 140 }, { status_code: null, after: 900 }] }),
    record(1, now - 3000),
  ];
  const { page } = await open(t, '', { log });
  assert.equal((await rows(page)).length, 2);
  const unfold = page.getByRole('button', { name: '4 attempts' });
  assert.equal(await unfold.getAttribute('aria-expanded'), 'false');
  await unfold.click();
  const shown = await rows(page);
  assert.deepEqual(shown.slice(0, 4).map((cells) => [cells[1].split(' 4')[0], cells[2].split(' ')[0]]), [['200', 'llama'], ['429', 'gpt-5'], ['no answer', 'gpt-5'], ['503', 'gpt-5']]);
  await unfold.click();
  assert.equal((await rows(page)).length, 2);
});

test('new calls appear by themselves, and neither the focus nor an unfolded row is lost', async (t) => {
  const now = Date.now();
  const log = [record(2, now - 1000, { failed_attempts: [{ status_code: 500, after: 3 }] }), record(1, now - 2000)];
  const { page, server } = await open(t, '', { log });
  await page.getByRole('button', { name: '2 attempts' }).click();
  await page.locator(`tr[data-id="${id(1)}"] .open`).focus();
  const before = await focused(page);
  server.log.unshift(record(3, Date.now(), { model: 'brand-new' }));
  await page.getByText('brand-new').waitFor();
  assert.equal(await focused(page), before);
  assert.equal((await rows(page)).length, 4);
});

test('no request is made while the page is hidden or not live', async (t) => {
  const { page, server } = await open(t, '', { log: records(3, MINUTE) });
  await rows(page);
  const polls = () => server.seen.filter(({ path }) => path.endsWith('/logs')).length;
  const settle = async (change) => {
    await change();
    await page.waitForLoadState('networkidle');
    const seen = polls();
    // The page's own clock goes on by a minute; what it would ask for by then it asks for now.
    await page.clock.runFor(MINUTE);
    return polls() - seen;
  };
  await page.clock.install();
  await page.reload();
  await rows(page);
  const hide = (hidden) => page.evaluate((value) => {
    Object.defineProperty(document, 'hidden', { value, configurable: true });
    document.dispatchEvent(new Event('visibilitychange'));
  }, hidden);
  assert.equal(await settle(() => hide(true)), 0);
  const seen = polls();
  await hide(false);
  await until(polls, (count) => count > seen, 'asked again when shown');
  assert.equal(await settle(() => page.getByRole('button', { name: 'Live' }).click()), 0);
});

test('pages can be turned, kept in the URL, and Back turns back', async (t) => {
  const { page, server } = await open(t, '#calls?range=all', { log: Array.from({ length: 120 }, (_, at) => record(120 - at, Date.now() - at * 1000, { model: `m-${at}` })) });
  assert.equal((await rows(page))[0][2], 'm-0 openai');
  assert.ok(await page.getByRole('button', { name: 'Newer' }).isDisabled());
  await page.getByRole('button', { name: 'Older' }).click();
  await page.getByText('m-50', { exact: true }).waitFor();
  assert.match(await page.locator('.pages').innerText(), /51–100 of 120\s+Newer\s+Page 2 of 3/);
  assert.ok(server.seen.some(({ query }) => query.get('page') === '2' && query.get('per_page') === '50'));
  await page.reload();
  await page.getByText('m-50', { exact: true }).waitFor();
  await page.goBack();
  await page.getByText('m-0', { exact: true }).waitFor();
});

test('a page that is not there leads back to the first', async (t) => {
  const { page } = await open(t, '#calls?page=99', { log: records(3, MINUTE) });
  await page.getByRole('button', { name: 'First page' }).click();
  assert.ok((await rows(page)).length > 0);
});

test('an empty range says so and offers all time', async (t) => {
  const { page } = await open(t, '#calls?range=15m', { log: [record(1, Date.now() - 20 * MINUTE)] });
  await page.getByText('No calls in the last 15 minutes.').waitFor();
  await page.getByRole('button', { name: 'All time' }).click();
  assert.equal((await rows(page)).length, 1);
});

test('a failing API is told of, and what is shown stays until it is back', async (t) => {
  const { page, server } = await open(t, '', { log: records(3, MINUTE) });
  const shown = (await rows(page)).length;
  server.down = true;
  await page.getByRole('alert').getByText('The log store is away').waitFor();
  assert.equal((await rows(page)).length, shown);
  server.down = false;
  await page.getByRole('alert').waitFor({ state: 'hidden' });
});
