// Content from calls is hostile: it may look like markup, but it is shown as text, and nothing of it runs or loads.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { BODIES, text } from './bodies.js';
import { open, rows } from './browser.js';
import { id, record } from './records.js';

const MARKS = [
  '<img src=x onerror=alert(1)>', '<script>alert(2)</script>', '"><svg onload=alert(3)>', "'><iframe srcdoc='<script>parent.alert(4)</script>'></iframe>",
  'javascript:alert(5)', '</title><script>alert(6)</script>', '{{constructor.constructor("alert(7)")()}}', '<a href="javascript:alert(8)">x</a>', '<style>*{display:none}</style>', '<base href=//evil.example>',
  '<link rel=stylesheet href=https://evil.example/x.css>', '<meta http-equiv=refresh content="0;url=https://evil.example">', '\u202e<form action=//evil.example>', '__proto__', '${alert(9)}',
];

/** A value with every text in it replaced, keys too where `keys` says so. */
function poisoned(value, mark, keys = false) {
  if (typeof value === 'string') return mark;
  if (Array.isArray(value)) return value.map((each) => poisoned(each, mark, keys));
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [keys ? mark : key, poisoned(each, mark, keys)]));
}

const KEPT = ['created_at', 'id', 'event_id', 'account_id'];

function hostile(number, mark, change = {}) {
  const made = record(number, Date.now() - number * 1000, {
    error_type: mark, error_code: mark, authentication_name: mark, usage_unread: mark, location: mark, prompts: [mark], guardrails: { [mark]: mark }, rate_limits: { [mark]: mark }, cost_source: mark,
    metadata: { [mark]: mark, a: mark }, feedback: null,
  });
  for (const [key, value] of Object.entries(made)) if (typeof value === 'string' && !KEPT.includes(key)) made[key] = mark;
  return { ...made, ...change };
}

async function nothingRan(page) {
  const state = await page.evaluate(() => ({
    inside: document.querySelectorAll('main script, main iframe, main style, main link, main base, main meta, main object, main embed, main [onerror], main [onload], main [style*=url]').length,
    links: [...document.querySelectorAll('a[href]')].map((anchor) => anchor.protocol).filter((protocol) => protocol !== 'http:'),
    base: document.baseURI.startsWith(location.origin),
  }));
  assert.deepEqual(state, { inside: 0, links: [], base: true });
}

test('nothing of a record runs, wherever it is shown', async (t) => {
  const log = MARKS.map((mark, at) => hostile(at + 1, mark, { failed_attempts: [{ status_code: mark, after: mark }] }));
  const { page, server } = await open(t, '#calls?range=all', { log, gateways: MARKS.map((mark) => ({ id: mark, account_id: mark, cache_ttl: mark, retry_max_attempts: mark })) });
  assert.equal((await rows(page)).length, MARKS.length);
  for (const unfold of await page.locator('.unfold').all()) await unfold.click();
  await nothingRan(page);
  for (let at = 1; at <= MARKS.length; at += 1) {
    await page.goto(`${server.url}/#calls?range=all&tab=details&id=${id(at)}`);
    await page.locator('.facts').waitFor();
    await nothingRan(page);
  }
  await page.goto(`${server.url}/#overview?range=all`);
  await page.locator('.breakdown').nth(1).waitFor();
  await nothingRan(page);
  await page.goto(`${server.url}/#gateways`);
  await page.locator('.gateways .card').first().waitFor();
  await nothingRan(page);
});

for (const keys of [false, true]) {
  test(`nothing of a request or an answer runs, with hostile ${keys ? 'keys and values' : 'values'}`, async (t) => {
    const log = [];
    for (const [kind, { request, response }] of Object.entries(BODIES)) {
      for (const mark of [MARKS[0], MARKS[2], MARKS[4]]) {
        const whole = typeof response !== 'string';
        // In a stream only what is said is replaced: its types make it be read.
        const said = whole ? text(poisoned(response, mark, keys)) : response.replaceAll(/"(text|content|delta|arguments|partial_json|name|stop_reason|finish_reason)":"[^"]*"/g, (_, key) => `"${key}":${JSON.stringify(mark)}`);
        const asked = poisoned(request, mark, keys);
        if (!keys) restoreRoles(asked, request);
        log.push(hostile(log.length + 1, kind, { request_body: text(asked), response_body: said }));
      }
    }
    const { page, server } = await open(t, '', { log });
    for (const record of log) {
      await page.goto(`${server.url}/#calls?range=all&id=${record.id}`);
      await page.locator('.turn, .raw').first().waitFor();
      await nothingRan(page);
      for (const button of await page.getByRole('button', { name: /^Show (?:all|\d+ earlier)/ }).all()) await button.click();
    }
  });
}

// Half of the parts are read by their types; where these are replaced, too, everything is unknown.
function restoreRoles(asked, original) {
  for (const [key, value] of Object.entries(original)) {
    if (key === 'type' || key === 'role') asked[key] = value;
    else if (value !== null && typeof value === 'object') restoreRoles(asked[key], value);
  }
}

test('bodies that are no texts of any kind do no harm', async (t) => {
  const odd = ['null', '[]', '{}', '0', '""', '[null]', '{"messages":[null,1,"x",{"content":[null,{"type":"text"},{"type":7}]}]}', '{"choices":[null,{"message":5},{"delta":{"tool_calls":[{"index":1e9}]}}]}',
    '{"content":[null,[]],"role":{}}', '{"candidates":[{"content":{"parts":[{"functionCall":7}]}}]}', '{"output":[1,{"type":"reasoning","summary":[null]},{"type":"message","content":7}]}', '{"contents":{"parts":1}}', '{"input":[null,{"type":{}}]}',
    'data: {"choices":[{"index":-1,"delta":{"content":"x"}},{"index":"__proto__","delta":{}}]}\n\n', 'data: {"type":"content_block_delta","index":"constructor","delta":{"text":"x"}}\n\n', 'data: {"type":"response.output_item.done","output_index":"length","item":{}}\n\n',
    `${'['.repeat(20_000)}`, `{"messages":${'['.repeat(5000)}${']'.repeat(5000)}}`, '\u0000\u0001\ufffd', ':\n\n:'];
  const log = odd.flatMap((body, at) => [record(at + 1, Date.now() - at * 1000, { request_body: body, response_body: odd.at(-1 - at) })]);
  const { page, server } = await open(t, '', { log });
  for (const record of log) {
    await page.goto(`${server.url}/#calls?range=all&id=${record.id}`);
    await page.locator('.turn, .raw, .bodies .empty').first().waitFor();
  }
});
