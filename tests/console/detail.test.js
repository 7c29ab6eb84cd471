// One call: conversations of every API, streams, ratings, timings.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { ANSWER, BODIES, QUESTION } from './bodies.js';
import { focused, open, rows, until } from './browser.js';
import { id, record } from './records.js';

const CALL = ['Tool call', 'open_incident', '"region": "fra"'];
const PROSE = [ANSWER.split('\n')[0], 'select region, count(*)', 'Shall I open an incident?'];

/** What the turns of each conversation say, in order. */
const SAYS = {
  chat: [['System', 'You are the on-call assistant.'], ['User', QUESTION], ['Assistant', 'Tool call', 'query_payments', '"since": "22:00"'], ['Tool', 'Tool result', 'call_1', '"failed":41'], ['Assistant', 'stop', ...PROSE]],
  chatStream: [['User', QUESTION], ['Assistant', 'tool_calls', ...PROSE, ...CALL]],
  responses: [['System', 'Be brief.'], ['User', QUESTION], ['Assistant', 'query_payments'], ['Tool', '41 in fra'], ['Assistant', 'Thinking', 'Group by region first.'], ['Assistant', ...PROSE]],
  responsesStream: [['User', QUESTION], ['Assistant', ...PROSE], ['Assistant', ...CALL]],
  messages: [['System', 'Be brief.'], ['User', QUESTION], ['Assistant', 'query_payments', '"since": "22:00"'], ['User', 'Tool result', '41 in fra'], ['Assistant', 'end_turn', 'Thinking', 'Group by region first.', ...PROSE]],
  messagesStream: [['User', QUESTION], ['Assistant', 'tool_use', ...PROSE, ...CALL]],
  gemini: [['System', 'Be brief.'], ['User', QUESTION], ['Assistant', 'STOP', ...PROSE, ...CALL]],
  geminiStream: [['User', QUESTION], ['Assistant', 'STOP', 'Thinking', 'Group by region.', ...PROSE]],
  geminiArray: [['User', QUESTION], ['Assistant', ...PROSE]],
  error: [['User', QUESTION], ['Error', 'insufficient_quota', 'You exceeded your current quota.']],
  refused: [['User', QUESTION], ['Error', '2003', 'Rate limited']],
};

const opened = (t, change) => open(t, `#calls?id=${id(1)}`, { log: [record(1, Date.now() - 1000, change)] });

for (const [kind, expected] of Object.entries(SAYS)) {
  test(`${kind} is shown as a conversation`, async (t) => {
    const { page } = await opened(t, { kind, path: BODIES[kind].path });
    await page.locator('.turn').first().waitFor();
    const turns = await page.locator('.turn').allInnerTexts();
    assert.equal(turns.length, expected.length, turns.join('\n---\n'));
    expected.forEach((texts, at) => texts.reduce((from, text) => {
      const found = turns[at].indexOf(text, from);
      assert.ok(found >= 0, `“${text}” is not in its place in:\n${turns[at]}`);
      return found;
    }, 0));
  });
}

test('pictures of a conversation are shown only as inline data', async (t) => {
  const content = ['https://example.com/x.png', 'data:image/svg+xml;base64,PHN2Zy8+', 'data:text/html,x'].map((url) => ({ type: 'image_url', image_url: { url } }));
  const { page } = await opened(t, { request_body: JSON.stringify({ messages: [{ role: 'user', content }] }), response_body: '{}' });
  await page.locator('.turn').first().waitFor();
  assert.equal(await page.locator('.turn img').count(), 0);
  assert.match(await page.locator('.turn').first().innerText(), /https:\/\/example\.com\/x\.png/);
});

test('what is no conversation is shown as it is', async (t) => {
  const { page } = await opened(t, { kind: 'other' });
  await page.locator('pre').first().waitFor();
  assert.match(await page.locator('[role=tabpanel]').innerText(), /"relevance_score": 0\.9/);
});

test('a body that was cut is read as far as it goes', async (t) => {
  const whole = JSON.stringify({ messages: [{ role: 'user', content: 'first' }, { role: 'assistant', content: 'second \\u00e9' }, { role: 'user', content: 'third' }] });
  const { page, server } = await opened(t, {});
  for (const length of [40, 60, 75, 86, 90, 100, 110]) {
    Object.assign(server.log[0], { request_body: whole.slice(0, length), response_body: 'data: {"choices":[{"index":0,"delta":{"content":"half"}}]}\n\ndata: {"cho' });
    await page.goto(`${server.url}/?${length}#calls?id=${id(1)}`);
    await page.locator('.turn').first().waitFor();
    const turns = await page.locator('.turn').allInnerTexts();
    assert.match(turns[0], /User\s+f/, `cut at ${length}`);
    assert.match(turns.at(-1), /Assistant\s+half/);
  }
});

test('bodies that were not recorded are said to be missing', async (t) => {
  const { page } = await opened(t, {});
  await page.getByText('The bodies of this call were not recorded.').waitFor();
  await page.getByRole('tab', { name: 'Request' }).click();
  await page.getByText('The request was not recorded.').waitFor();
});

test('the raw view has each body and the whole record', async (t) => {
  const { page } = await opened(t, { kind: 'chatStream' });
  await page.getByRole('tab', { name: 'Response' }).click();
  await until(() => page.locator('pre').innerText(), (text) => text.startsWith('data: {"choices"'));
  await page.getByRole('tab', { name: 'Details' }).click();
  await until(() => page.locator('pre').innerText(), (text) => text.includes('"upstream_request_id": "req_8f2c"'));
  assert.match(page.url(), /tab=details/);
  await page.reload();
  assert.equal(await page.getByRole('tab', { name: 'Details' }).getAttribute('aria-selected'), 'true');
});

test('long texts and long conversations are shown in part until asked for', async (t) => {
  const messages = Array.from({ length: 40 }, (_, at) => ({ role: 'user', content: `message ${at}` }));
  messages.push({ role: 'user', content: 'x'.repeat(50_000) });
  const { page } = await opened(t, { request_body: JSON.stringify({ messages }), response_body: '' });
  await page.locator('.turn').first().waitFor();
  assert.ok((await page.locator('.turns').first().innerText()).length < 5000);
  await page.getByRole('button', { name: 'Show 35 earlier messages' }).click();
  await page.getByText('message 0', { exact: true }).waitFor();
  await page.getByRole('button', { name: 'Show all 48.8 KiB' }).click();
  await until(() => page.locator('.turns').first().innerText(), (text) => text.length > 50_000);
});

test('a thumb rates the call, and the same thumb takes it back', async (t) => {
  const { page, server } = await opened(t, { kind: 'chat' });
  const thumb = page.getByRole('button', { name: 'Good answer' });
  await thumb.click();
  await until(() => server.log[0].feedback, (value) => value === 1, 'feedback');
  assert.equal(await thumb.getAttribute('aria-pressed'), 'true');
  await page.locator('tr .thumb.good').waitFor();
  await page.getByRole('button', { name: 'Bad answer' }).click();
  await until(() => server.log[0].feedback, (value) => value === -1, 'feedback');
  await page.getByRole('button', { name: 'Bad answer' }).click();
  await until(() => server.log[0].feedback, (value) => value === null, 'feedback');
  assert.equal(await thumb.getAttribute('aria-pressed'), 'false');
});

test('a rating that is not saved is taken back and told of', async (t) => {
  const { page, server } = await opened(t, { kind: 'chat' });
  const thumb = page.getByRole('button', { name: 'Good answer' });
  await page.getByRole('button', { name: 'Live' }).click();
  await thumb.waitFor();
  server.down = true;
  await thumb.click();
  await page.getByText('The rating was not saved: The log store is away').waitFor();
  assert.equal(await thumb.getAttribute('aria-pressed'), 'false');
});

test('timings are a bar of failed attempts, waiting and answer, on one scale for the event', async (t) => {
  const now = Date.now() - 5000;
  const log = [
    record(1, now + 1000, { event_id: 'e', step: 1, duration: 1000, timings: { total: 1000, latency: 250 } }),
    record(2, now, { event_id: 'e', model: 'gpt-5', success: false, status_code: 503, duration: 1000, timings: { total: 1000, latency: 900 }, failed_attempts: [{ status_code: 429, after: 500 }] }),
  ];
  const { page } = await open(t, `#calls?id=${id(1)}`, { log });
  await page.locator('.waterfall li .track').nth(1).waitFor();
  const bars = await page.locator('.waterfall .track').evaluateAll((list) => list.map((track) => [...track.children].map((piece) => `${piece.className} ${piece.style.left} ${piece.style.width}`)));
  assert.deepEqual(bars, [
    ['lost 0% max(2px, 25%)', 'fail 25% max(2px, 20%)', 'fail 45% max(2px, 5%)'],
    ['wait 50% max(2px, 12.5%)', 'flow 62.5% max(2px, 37.5%)'],
  ]);
  assert.match(await page.locator('.waterfall').innerText(), /429 after 500 ms · first byte after 900 ms · 503 after 1\.00 s/);
  await page.locator('.waterfall').getByRole('button', { name: 'gpt-5' }).click();
  await until(() => page.url(), (url) => url.includes(id(2)));
  await until(() => page.locator('.detail h2').innerText(), (text) => text.startsWith('gpt-5 '));
});

test('metadata of a call filters the list', async (t) => {
  const { page } = await opened(t, { metadata: { team: 'search' } });
  await page.locator('.summary').getByRole('button', { name: 'team search' }).click();
  await page.locator('.detail').waitFor({ state: 'hidden' });
  assert.match(decodeURIComponent(page.url()), /f=metadata\.key:eq:team&f=metadata\.value:eq:search/);
});

test('a call that is gone is said to be gone, and Escape leads back to its row', async (t) => {
  const { page } = await open(t, '#calls?id=nothing', { log: [record(1, Date.now() - 1000)] });
  await page.getByText('not in the log (any more)').waitFor();
  await page.keyboard.press('Escape');
  await page.locator('.detail').waitFor({ state: 'hidden' });
  const [[when]] = await rows(page);
  await page.locator('tr[data-id]').click();
  await page.locator('.figures').waitFor();
  await page.keyboard.press('Escape');
  await until(() => focused(page), (text) => text === `Open call ${when}, gpt-5-mini`);
});
