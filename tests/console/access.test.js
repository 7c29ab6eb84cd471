// Who can use the page: with a keyboard, with a screen reader, on a phone, in the dark, and with the credential.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { test } from 'node:test';

import { focused, open, rows, until } from './browser.js';
import { record, records } from './records.js';

const AXE = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const PHONE = { viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true };
const HOUR = 3_600_000;

const log = () => {
  const list = records(80, HOUR);
  list[1].metadata = { 'a-key-of-some-length': 'a value that is longer than any row has place for, and then some more' };
  list[2].model = 'a-model-with-a-name-that-is-much-longer-than-a-phone-is-wide-2026-11-29-preview';
  return list;
};
const VIEWS = (list) => {
  const chat = list.find(({ kind, step, success }) => kind === 'chat' && step === 0 && success);
  const fallback = list.find(({ step }) => step === 1);
  return {
    list: '#calls?range=6h', filtered: '#calls?range=6h&f=success:eq:false', empty: '#calls?q=nothing', detail: `#calls?range=6h&id=${chat.id}`, attempts: `#calls?range=6h&id=${fallback.id}`,
    raw: `#calls?range=6h&id=${chat.id}&tab=details`, overview: '#overview?range=6h', range: '#overview?range=custom&from=2026-01-01T00:00:00Z&to=2026-01-02T00:00:00Z', gateways: '#gateways',
  };
};
const READY = { list: '.calls tr[data-id]', filtered: '.calls tr[data-id]', empty: '.note button', detail: '.figures', attempts: '.waterfall li + li', raw: '.facts', overview: '.breakdown', range: '.plot.none', gateways: '.gauge' };

for (const [look, options] of Object.entries({ light: {}, dark: { colorScheme: 'dark' }, phone: PHONE })) {
  test(`no view breaks a rule of accessibility: ${look}`, async (t) => {
    const list = log();
    const { page, server } = await open(t, '', { log: list }, { reducedMotion: 'reduce', ...options });
    for (const [view, hash] of Object.entries(VIEWS(list))) {
      await page.goto(`${server.url}/?${view}${hash}`);
      await page.locator(READY[view]).first().waitFor();
      await page.evaluate(AXE);
      const { violations } = await page.evaluate(() => globalThis.axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }));
      assert.deepEqual(violations.map(({ id, nodes }) => `${view}: ${id} ${nodes[0].html} ${nodes[0].failureSummary}`), []);
    }
  });
}

test('nothing is wider than a phone', async (t) => {
  const list = log();
  const { page, server } = await open(t, '', { log: list }, PHONE);
  for (const [view, hash] of Object.entries(VIEWS(list))) {
    await page.goto(`${server.url}/?${view}${hash}`);
    await page.locator(READY[view]).first().waitFor();
    const wide = await page.evaluate(() => [document.documentElement.scrollWidth, [...document.querySelectorAll('main *')].filter((node) => node.getBoundingClientRect().right > 361 && !node.closest('.scroll, [role=tablist], .sr, thead, .frame')).map((node) => node.outerHTML.slice(0, 100))]);
    assert.deepEqual(wide, [360, []], view);
  }
});

test('on a phone a call takes the place of the list, and closing leads back to it', async (t) => {
  const { page } = await open(t, '#calls?range=6h', { log: log() }, PHONE);
  await rows(page);
  await page.locator('tr[data-id]:visible').nth(3).tap();
  await page.locator('.figures').waitFor();
  assert.ok(await page.locator('.list').isHidden());
  await page.getByRole('button', { name: 'Close' }).tap();
  await page.locator('.list').waitFor();
});

test('the whole page can be used with the keyboard alone', async (t) => {
  const { page } = await open(t, '#calls?range=6h', { log: log() });
  const [[first], [second]] = (await rows(page)).map(([when]) => [when]);
  const tab = async (name) => {
    for (let presses = 0; presses < 40; presses += 1) {
      await page.keyboard.press('Tab');
      if ((await focused(page)).startsWith(name)) return;
    }
    assert.fail(`${name} is not reached, the focus is on ${await focused(page)}`);
  };
  await tab('Skip to content');
  await page.keyboard.press('Enter');
  await tab('Search calls');
  await tab('Graph of calls');
  await tab(`Open call ${first}`);
  await page.keyboard.press('ArrowDown');
  assert.match(await focused(page), new RegExp(`Open call ${second}`));
  await page.keyboard.press('Enter');
  await page.locator('.figures').waitFor();
  await tab('Good answer');
  await page.keyboard.press('Space');
  await page.locator('.rate-up[aria-pressed="true"]').waitFor();
  await tab('Conversation');
  await page.keyboard.press('ArrowRight');
  await until(() => page.url(), (url) => url.includes('tab=request'));
  await page.keyboard.press('Escape');
  await until(() => focused(page), (text) => text.startsWith(`Open call ${second}`));
  await page.keyboard.press('Control+k');
  assert.equal(await focused(page), 'Search calls');
  await tab('Add filter');
  await page.keyboard.press('Enter');
  assert.equal(await focused(page), 'Field');
  await tab('Value');
  await page.keyboard.type('gpt');
  await page.keyboard.press('Enter');
  await page.getByRole('button', { name: 'Remove filter Model contains gpt' }).waitFor();
  assert.equal(await focused(page), 'Add filter');
  await page.getByRole('link', { name: 'Overview' }).press('Enter');
  await until(() => page.title(), (title) => title === 'Overview · Sluice');
});

test('screen readers are told what changed, and not of every look for news', async (t) => {
  const { page, server } = await open(t, '#calls?range=6h', { log: [record(2, Date.now() - 1000), record(1, Date.now() - 2000, { success: false })] });
  await until(() => page.locator('#status').innerText(), (text) => text === '2 calls');
  await page.getByRole('button', { name: 'Errors' }).click();
  await until(() => page.locator('#status').innerText(), (text) => text === '1 call');
  const asked = server.seen.length;
  server.log.unshift(record(3, Date.now(), { success: false, model: 'brand-new' }));
  await page.getByText('brand-new').waitFor();
  assert.ok(server.seen.length > asked);
  assert.equal(await page.locator('#status').innerText(), '1 call');
});

test('the theme follows the system until it is chosen, and the choice is kept', async (t) => {
  const { page } = await open(t, '#gateways', {}, { colorScheme: 'dark' });
  const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const dark = await ground();
  await page.getByRole('button', { name: 'Theme: as the system' }).click();
  const light = await ground();
  assert.notEqual(light, dark);
  await page.reload();
  assert.equal(await ground(), light);
  await page.getByRole('button', { name: 'Theme: light' }).click();
  assert.equal(await ground(), dark);
  await page.getByRole('button', { name: 'Theme: dark' }).click();
  await page.getByRole('button', { name: 'Theme: as the system' }).waitFor();
});

test('a locked console asks for the credential, keeps it for the tab, and gives it up on request', async (t) => {
  const { page, server } = await open(t, '#gateways', { log: log() });
  server.secret = 'right';
  await page.goto(`${server.url}/?again#calls?range=6h`);
  const dialog = page.getByRole('dialog', { name: 'Credential' });
  await dialog.waitFor();
  assert.equal(await page.evaluate(() => document.activeElement.id), 'secret');
  await page.keyboard.press('Escape');
  await page.keyboard.press('Escape');
  await dialog.waitFor();
  await page.keyboard.type('wrong');
  await page.keyboard.press('Enter');
  await dialog.getByText('That credential was refused.').waitFor();
  await page.keyboard.type('right');
  await page.keyboard.press('Enter');
  await rows(page);
  assert.ok(await dialog.isHidden());
  assert.equal(server.seen.at(-1).authorization, 'Bearer right');
  await page.reload();
  await rows(page);
  assert.deepEqual(await page.evaluate(() => [Object.values(localStorage), document.cookie, location.href.includes('right')]), [[], '', false]);
  await page.getByRole('button', { name: 'Sign out' }).click();
  await dialog.waitFor();
});
