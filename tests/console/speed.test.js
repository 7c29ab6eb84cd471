// How soon the list is there.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { open } from './browser.js';
import { records } from './records.js';

const RECORDS = 10_000;
const LONGEST_MS = 300;
const TRIES = 20;

test('the calls are shown within 300 ms, of 10,000 records', async (t) => {
  const { page } = await open(t, '', { log: records(RECORDS, 86_000_000) });
  const times = [];
  for (let tries = 0; tries < TRIES; tries += 1) {
    await page.reload();
    await page.waitForFunction(() => performance.getEntriesByName('calls-shown').length > 0);
    times.push(await page.evaluate(() => Math.round(performance.getEntriesByName('calls-shown')[0].startTime)));
    assert.match(await page.locator('.pages').innerText(), /of 10,000/);
    // What else the machine does may slow a try, but not all of them.
    if (times.at(-1) < LONGEST_MS) break;
  }
  t.diagnostic(`first render after ${times.join(', ')} ms`);
  assert.ok(Math.min(...times) < LONGEST_MS, times.join(', '));
});
