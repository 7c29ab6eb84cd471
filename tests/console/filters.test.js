// Filters, search, range and export: all of them live in the URL.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';

import { lastQuery, open, rows, until } from './browser.js';
import { record, records } from './records.js';

const log = () => [
  record(4, Date.now() - 1000, { model: 'claude-haiku-4-5', provider: 'anthropic', metadata: { team: 'search' } }),
  record(3, Date.now() - 2000, { success: false, status_code: 500, model: 'gpt-5' }),
  record(2, Date.now() - 3000, { cached: true, duration: 3 }),
  record(1, Date.now() - 4000, { duration: 20_000, gateway_id: 'team-a' }),
];
const filters = (server) => JSON.parse(lastQuery(server).filters ?? '[]');
const shows = (page, count) => until(() => rows(page), (list) => list.length === count, `${count} rows`);

test('filters are in the URL: a reload keeps them and Back takes them off', async (t) => {
  const { page, server } = await open(t, '', { log: log() });
  await shows(page, 4);
  await page.getByRole('button', { name: 'Errors' }).click();
  await shows(page, 1);
  assert.deepEqual(filters(server), [{ key: 'success', operator: 'eq', value: [false] }]);
  assert.match(page.url(), /#calls\?f=success%3Aeq%3Afalse$/);
  await page.reload();
  await shows(page, 1);
  assert.equal(await page.getByRole('button', { name: 'Errors' }).getAttribute('aria-pressed'), 'true');
  await page.goBack();
  await shows(page, 4);
});

test('a filter can be made of any field, with a value of its type, and taken off', async (t) => {
  const { page, server } = await open(t, '', { log: log() });
  const add = async (field, comparison, value) => {
    await page.getByRole('button', { name: 'Add filter' }).click();
    await page.getByLabel('Field').selectOption(field);
    await page.getByLabel('Comparison').selectOption(comparison);
    const input = page.getByLabel('Value', { exact: true });
    if (await input.evaluate((node) => node.tagName) === 'SELECT') await input.selectOption(value);
    else await input.fill(value);
    await page.getByRole('button', { name: 'Add', exact: true }).click();
  };
  await add('Duration (ms)', 'over', '10000');
  await shows(page, 1);
  assert.deepEqual(filters(server), [{ key: 'duration', operator: 'gt', value: [10_000] }]);
  await page.getByRole('button', { name: 'Remove filter Duration (ms) over 10000' }).click();
  await shows(page, 4);
  await add('Model', 'contains', 'a:b');
  assert.deepEqual(await until(() => filters(server), (list) => list[0]?.value[0] === 'a:b'), [{ key: 'model', operator: 'contains', value: ['a:b'] }]);
  await page.getByRole('button', { name: 'Clear filters' }).click();
  await shows(page, 4);
  await add('Cached', 'is', 'true');
  await shows(page, 1);
  assert.deepEqual(filters(server), [{ key: 'cached', operator: 'eq', value: [true] }]);
});

test('search waits for the end of typing and is kept', async (t) => {
  const { page, server } = await open(t, '', { log: log() });
  await shows(page, 4);
  await page.getByLabel('Search calls').pressSequentially('haiku', { delay: 20 });
  await shows(page, 1);
  const searches = new Set(server.seen.map(({ query }) => query.get('search')).filter(Boolean));
  assert.deepEqual([...searches], ['haiku']);
  await page.reload();
  await shows(page, 1);
  assert.equal(await page.getByLabel('Search calls').inputValue(), 'haiku');
});

test('gateway and range choose what is asked for', async (t) => {
  const { page, server } = await open(t, '', { log: log() });
  await shows(page, 4);
  await page.getByLabel('Gateway').selectOption('team-a');
  await shows(page, 1);
  assert.match(server.seen.at(-1).path, /gateways\/team-a\//);
  await page.locator('#range').selectOption('1 hour');
  const start = await until(() => Date.parse(lastQuery(server).start_date), (value) => value > Date.now() - 3_700_000);
  assert.ok(start < Date.now() - 3_500_000);
});

test('a range of one\'s own has a beginning and an end', async (t) => {
  const { page, server } = await open(t, '', { log: log() });
  await page.locator('#range').selectOption('Custom range');
  await page.getByLabel('From', { exact: true }).fill('2026-01-02T03:00:00');
  await page.getByLabel('To', { exact: true }).fill('2026-01-02T04:30:00');
  await page.getByRole('button', { name: 'Show', exact: true }).click();
  await page.getByText('No calls in this range.').waitFor();
  const { start_date: start, end_date: end } = lastQuery(server);
  assert.deepEqual([start, end], ['2026-01-02T03:00:00.000Z', '2026-01-02T04:30:00.000Z']);
  await page.reload();
  assert.equal(await page.getByLabel('From', { exact: true }).inputValue(), '2026-01-02T03:00');
});

test('nonsense in the URL is as if it were not there', async (t) => {
  const nonsense = '#calls?range=never&page=-4&f=model&f=__proto__:eq:1&f=cost:gt:much&f=cached:eq:perhaps&f=model:like:x&view=9';
  const { page, server } = await open(t, nonsense, { log: log() });
  await shows(page, 4);
  assert.equal(lastQuery(server).filters, undefined);
  assert.equal(lastQuery(server).page, '1');
});

test('an export is a file of everything that matches', async (t) => {
  const { page } = await open(t, '#calls?f=cached:eq:false&range=all', { log: records(300, 3_600_000).map((each, at) => ({ ...each, cached: at % 2 === 0 })) });
  await rows(page);
  const saved = async (name) => {
    await page.getByText('Export', { exact: true }).click();
    const [file] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name }).click()]);
    return [file.suggestedFilename(), await readFile(await file.path(), 'utf8')];
  };
  const [name, lines] = await saved('NDJSON');
  assert.equal(name, 'calls.ndjson');
  assert.equal(lines.trim().split('\n').map((line) => JSON.parse(line)).filter(({ cached }) => !cached).length, 150);
  const [other, table] = await saved('CSV');
  assert.equal(other, 'calls.csv');
  assert.equal(table.trim().split('\r\n').length, 151);
});

test('an export that comes in parts is whole', async (t) => {
  const { page, server } = await open(t, '', { log: records(20, 60_000) });
  await rows(page);
  const save = async (name) => {
    await page.getByText('Export', { exact: true }).click();
    const [file] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name }).click()]);
    return readFile(await file.path(), 'utf8');
  };
  for (const name of ['CSV', 'NDJSON']) {
    server.most = Infinity;
    const whole = await save(name);
    assert.equal(whole.match(/\n/g).length, name === 'CSV' ? 21 : 20);
    for (server.most of [1, 7, 10]) assert.equal(await save(name), whole);
  }
});
