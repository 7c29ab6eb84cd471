// The overview and the gateways.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { lastQuery, open, rows, until } from './browser.js';
import { record } from './records.js';

const HOUR = 3_600_000;

function log() {
  const now = Date.now();
  const of = (number, change) => record(number, now - number * 60_000, change);
  return [
    of(1, { cost: 0.5, metadata: { team: 'search' }, duration: 100, timings: { total: 100, latency: 10 } }),
    of(2, { cost: 1, model: 'gpt-5', metadata: { team: 'search' }, duration: 200, timings: { total: 200, latency: 20 } }),
    of(3, { cost: 0, cached: true, saved_cost: 0.25, metadata: { team: 'billing' }, duration: 5, timings: { total: 5, latency: 5 } }),
    of(4, { cost: null, success: false, status_code: 500, tokens_in: null, tokens_out: null, duration: 9000, timings: { total: 9000, latency: null } }),
  ];
}

const card = (page, name) => page.locator(`section[aria-label="${name}"]`);
const big = async (page, name) => (await card(page, name).locator('.big').innerText()).replaceAll('\n', ' ');

test('the overview has requests, errors, cache, savings, tokens, cost and times of the range', async (t) => {
  const { page, server } = await open(t, '#overview?range=1h', { log: log() });
  await card(page, 'Requests').waitFor();
  const shown = {};
  for (const name of ['Requests', 'Errors', 'Latency', 'Time to first byte', 'Cost', 'Saved by the cache', 'Cached share', 'Tokens']) shown[name] = await big(page, name);
  assert.deepEqual(shown, {
    Requests: '4', Errors: '25 % 1', Latency: '100 ms p90 9.00 s · p99 9.00 s', 'Time to first byte': '10 ms p90 20 ms · p99 20 ms',
    Cost: '$1.50', 'Saved by the cache': '$0.25 25 % of requests cached', 'Cached share': '25 % 1', Tokens: '492',
  });
  const query = lastQuery(server, /analytics$/);
  assert.equal(query.group_by, 'metadata.team');
  assert.ok(Math.abs(Date.parse(query.end_date) - Date.parse(query.start_date) - HOUR) < 5000);
});

test('cost is told by model and by metadata, and leads to the calls', async (t) => {
  const { page } = await open(t, '#overview?range=1h', { log: log() });
  const table = async (name) => {
    await card(page, name).locator('tbody tr').first().waitFor();
    return card(page, name).locator('tbody tr').evaluateAll((list) => list.map((row) => [...row.cells].slice(0, 3).map((cell) => cell.innerText.trim())));
  };
  assert.deepEqual(await table('Cost by model'), [['gpt-5 openai', '$1.00', '1'], ['gpt-5-mini openai', '$0.50', '3']]);
  assert.deepEqual(await table('Cost by metadata'), [['search', '$1.50', '2'], ['billing', '$0', '1'], ['without it', '$0', '1']]);
  await page.getByRole('link', { name: 'search' }).click();
  assert.equal((await rows(page)).length, 2);
  assert.match(decodeURIComponent(page.url()), /#calls\?range=1h&f=metadata\.key:eq:team&f=metadata\.value:eq:search/);
});

test('a graph is read by arrow keys, as numbers, and zooms', async (t) => {
  const { page, server } = await open(t, '#overview?range=1h', { log: log() });
  await card(page, 'Requests').waitFor();
  await card(page, 'Requests').locator('.plot').focus();
  await page.keyboard.press('End');
  await until(() => page.locator('#status').innerText(), (text) => /Answered \d, Cached 0, Errors 0/.test(text));
  assert.ok(await card(page, 'Requests').locator('.tip').isVisible());
  await card(page, 'Requests').getByText('Numbers').click();
  // A browser tells of the opening a moment after the click.
  await until(() => card(page, 'Requests').locator('.numbers tbody tr').count(), (count) => count === 60);
  await card(page, 'Requests').locator('.plot').focus();
  await page.keyboard.press('Home');
  await page.keyboard.press('Enter');
  await until(() => page.url(), (url) => /range=custom/.test(url));
  const { start_date: start, end_date: end } = await until(() => lastQuery(server, /analytics$/), (query) => Date.parse(query.end_date) - Date.parse(query.start_date) < HOUR);
  // The hour ends when its sums are asked for, which is a moment after it was begun to count.
  assert.ok(Math.abs(Date.parse(end) - Date.parse(start) - 60_000) < 100, `${start} ${end}`);
  await page.goBack();
  await until(() => page.url(), (url) => /range=1h/.test(url));
});

test('dragging over a graph chooses a range', async (t) => {
  const { page } = await open(t, '#overview?range=1h', { log: log() });
  const plot = card(page, 'Cost').locator('.plot');
  await plot.scrollIntoViewIfNeeded();
  const box = await plot.boundingBox();
  await page.mouse.move(box.x + box.width * 0.25, box.y + 20);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.5, box.y + 20);
  await page.mouse.up();
  const url = await until(() => page.url(), (text) => /range=custom/.test(text));
  const given = new URLSearchParams(url.split('?')[1]);
  const minutes = (Date.parse(given.get('to')) - Date.parse(given.get('from'))) / 60_000;
  assert.ok(minutes >= 14 && minutes <= 17, `${minutes} minutes`);
});

test('without calls the overview shows no zero where nothing is known', async (t) => {
  const { page } = await open(t, '#overview?range=1h', { log: [] });
  await card(page, 'Latency').waitFor();
  assert.equal(await big(page, 'Latency'), '– p90 – · p99 –');
  assert.equal(await big(page, 'Errors'), '– 0');
  assert.match(await card(page, 'Latency').innerText(), /No data in this range/);
});

test('all time begins with the oldest call', async (t) => {
  const oldest = Date.now() - 40 * 24 * HOUR;
  const { page, server } = await open(t, '#overview?range=all', { log: [...log(), record(9, oldest)] });
  await until(() => card(page, 'Requests').locator('.big').innerText(), (text) => text === '5');
  assert.equal(Date.parse(lastQuery(server, /analytics$/).start_date), oldest);
});

test('gateways show their limits and how full each is', async (t) => {
  const { page } = await open(t, '#gateways', { log: log() });
  const own = page.getByRole('region', { name: 'Gateway my-gateway' });
  const meter = own.getByRole('meter', { name: 'Rate limit' });
  assert.equal(await meter.getAttribute('aria-valuenow'), '39');
  assert.match(await own.innerText(), /231 of 600 in 1 min, sliding · resets in 38 s/);
  assert.match(await own.innerText(), /9,800 of 10,000 records · then the oldest go/);
  assert.match(await page.getByRole('region', { name: 'Gateway team-a' }).innerText(), /12 records of all gateways were dropped/);
  assert.match(await page.getByRole('region', { name: 'Gateway batch' }).innerText(), /Rate limit\s+off/);
  await own.getByRole('link', { name: 'Calls of my-gateway' }).click();
  await rows(page);
  assert.equal(await page.getByLabel('Gateway').inputValue(), 'my-gateway');
});

test('every gateway is shown, however many there are', async (t) => {
  const gateways = Array.from({ length: 130 }, (_, at) => ({ id: `g-${at}`, account_id: null }));
  const { page } = await open(t, '#gateways', { log: log(), gateways });
  await page.getByRole('region', { name: 'Gateway g-129' }).waitFor();
  assert.equal(await page.locator('section.card').count(), 130);
  await page.getByRole('link', { name: 'Calls', exact: true }).first().click();
  await until(() => page.getByLabel('Gateway').locator('option').count(), (count) => count === 131);
});
