// One browser for a file of tests, and pages in it that are watched: whatever a page complains of fails its test.

import assert from 'node:assert/strict';
import { after, before } from 'node:test';

import { chromium } from 'playwright-core';

import { mock } from './mock.js';

const EXECUTABLE = process.env.CHROMIUM ?? '/usr/bin/chromium';

let browser;
before(async () => {
  // Chromium's sandbox refuses to run as root.
  browser = await chromium.launch({ executablePath: EXECUTABLE, args: process.getuid() === 0 ? ['--no-sandbox'] : [] });
});
after(() => browser?.close());

/** A server with a page on it, both closed at the test's end. `given` is for the mock, `options` for the browser. */
export async function open(t, hash = '', given = {}, options = {}) {
  const server = given.url ? given : await mock(given);
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, timezoneId: 'UTC', ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  const complaints = await watched(page);
  t.after(async () => {
    await context.close();
    if (server !== given) await server.close();
    assert.deepEqual(complaints, []);
  });
  await page.goto(`${server.url}/${hash}`);
  return { page, server, complaints };
}

/** Errors, dialogs, breaches of the policy, and requests to anywhere else. */
async function watched(page) {
  const complaints = [];
  page.on('pageerror', (error) => complaints.push(`error: ${error.stack}`));
  page.on('dialog', (dialog) => {
    complaints.push(`dialog: ${dialog.message()}`);
    dialog.dismiss();
  });
  page.on('request', (request) => {
    if (!/^(?:http:\/\/127\.0\.0\.1:|data:|blob:)/.test(request.url())) complaints.push(`request: ${request.url()}`);
  });
  // Statuses other than 200 are tested for what the page makes of them.
  page.on('console', (message) => {
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource')) complaints.push(`console: ${message.text()}`);
  });
  await page.exposeFunction('breach', (what) => complaints.push(`policy: ${what}`));
  await page.addInitScript(() => {
    addEventListener('securitypolicyviolation', (event) => globalThis.breach(`${event.violatedDirective} ${event.blockedURI} ${event.sample}`));
  });
  return complaints;
}

/** Waits for a condition; the last value that did not do is in the failure. */
export async function until(read, holds, what = 'the condition') {
  const deadline = Date.now() + 15_000;
  for (;;) {
    const value = await read();
    if (holds(value)) return value;
    assert.ok(Date.now() < deadline, `${what}: still ${JSON.stringify(value)}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** The rows of calls that are shown, as lists of texts. */
export async function rows(page) {
  await page.locator('table.calls tbody tr').first().waitFor();
  return page.locator('table.calls tbody tr:visible').evaluateAll((list) => list.map((row) => [...row.cells].map((cell) => cell.innerText.replaceAll('\n', ' ').trim())));
}

/** The parameters of the last request of a kind. */
export function lastQuery(server, path = /\/logs$/) {
  // The oldest call is looked for by itself.
  const { query } = server.seen.findLast((each) => path.test(each.path) && each.query.get('per_page') !== '1') ?? {};
  return query && Object.fromEntries(query);
}

/** What the focus is on: its accessible text. */
export const focused = (page) => page.evaluate(() => document.activeElement.getAttribute('aria-label') ?? document.activeElement.innerText);
