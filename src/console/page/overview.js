// How the fleet does over a range of time.

import { el } from './dom.js';
import * as api from './api.js';
import { chart, legend, numbers } from './chart.js';
import { filterBar, learn, metadataKeys } from './filters.js';
import { count, duration, money, percent, share, short, UNKNOWN } from './format.js';
import { change, criteria, link, read, withFilter } from './state.js';

const BUCKETS = 60;
const sum = (...values) => (values.every((value) => typeof value !== 'number') ? null : values.reduce((a, b) => a + (b ?? 0), 0));
const PERCENTILES = [['p50', 'main'], ['p90', 'cool'], ['p99', 'second']];

const CARDS = [
  { title: 'Requests', kind: 'bars', format: short, head: (t) => short(t.requests),
    series: [['Answered', 'main', (t) => Math.max(0, t.requests - t.errors - t.cached)], ['Cached', 'cool', (t) => t.cached], ['Errors', 'bad', (t) => t.errors]] },
  { title: 'Errors', kind: 'lines', format: percent, head: (t) => percent(share(t.errors, t.requests)), note: (t) => count(t.errors),
    series: [['Errors', 'bad', (t) => share(t.errors, t.requests)]] },
  percentiles('Latency', 'latency'),
  percentiles('Time to first byte', 'ttft'),
  { title: 'Cost', kind: 'bars', format: money, head: (t) => money(t.cost), series: [['Cost', 'main', (t) => t.cost]] },
  { title: 'Saved by the cache', kind: 'bars', format: money, head: (t) => money(t.saved_cost), note: (t) => `${percent(share(t.cached, t.requests))} of requests cached`,
    series: [['Saved', 'cool', (t) => t.saved_cost]] },
  { title: 'Cached share', kind: 'lines', format: percent, head: (t) => percent(share(t.cached, t.requests)), note: (t) => count(t.cached),
    series: [['Cached', 'cool', (t) => share(t.cached, t.requests)]] },
  { title: 'Tokens', kind: 'bars', format: short, head: (t) => short(sum(t.tokens_in, t.tokens_out)),
    series: [['In', 'main', (t) => t.tokens_in], ['Out', 'second', (t) => t.tokens_out]] },
];

function percentiles(title, field) {
  return { title, kind: 'lines', format: duration, head: (t) => duration(t[field]?.p50), note: (t) => `p90 ${duration(t[field]?.p90)} · p99 ${duration(t[field]?.p99)}`,
    series: PERCENTILES.map(([name, tone]) => [name, tone, (t) => t[field]?.[name] ?? null]) };
}

/** The view; `load` as in the list of calls. */
export function overviewView() {
  const bar = filterBar({ search: false });
  const cards = el('div', { class: 'cards' });
  const models = el('section', { class: 'card', 'aria-label': 'Cost by model' });
  const groups = el('section', { class: 'card', 'aria-label': 'Cost by metadata' });
  const picker = groupPicker();
  const root = el('div', null, el('h1', { class: 'sr' }, 'Overview'), bar.root, cards, el('div', { class: 'cards wide' }, models, groups));

  async function load(state, signal, again) {
    bar.update(state);
    await picker.update(state, signal);
    const group = picker.value(state);
    const { search, ...query } = criteria(state);
    if (group) query.group_by = `metadata.${group}`;
    const { result } = await api.analytics(state.gateway, { ...query, buckets: BUCKETS }, signal);
    // A graph that is being read is not torn away.
    if (again && (cards.contains(document.activeElement) || cards.matches(':hover') || cards.querySelector('details[open]'))) return;
    cards.replaceChildren(...CARDS.map((card) => cardOf(card, result)));
    models.replaceChildren(el('h2', null, 'Cost by model'), breakdown(result.by_model, 'Model', modelRow));
    groups.replaceChildren(el('div', { class: 'cardhead' }, el('h2', null, 'Cost by metadata'), picker.root),
      group ? breakdown(result.by_group ?? [], group, (row) => groupRow(row, group)) : el('p', { class: 'empty' }, 'Choose a key. Calls get metadata by the header cf-aig-metadata.'));
    if (result.truncated) groups.append(el('p', { class: 'soft' }, 'Not all values are shown.'));
  }
  return { root, load };
}

function cardOf({ title, kind, format, head, note, series }, { totals, buckets, bucket_seconds: length }) {
  const drawn = series.map(([name, tone, value]) => ({ name, tone, values: buckets.map(value) }));
  const what = { label: `${title} over time`, kind, format, series: drawn, times: buckets.map((bucket) => Date.parse(bucket.time)), step: length * 1000, pick: zoom };
  return el('section', { class: 'card', 'aria-label': title },
    el('h2', null, title),
    el('p', { class: 'big' }, head(totals), note && el('span', { class: 'soft' }, note(totals))),
    chart(what),
    el('div', { class: 'cardfoot' }, drawn.length > 1 && legend(drawn), numbers(what)));
}

const zoom = (from, to) => change({ range: 'custom', from: new Date(from).toISOString(), to: new Date(to).toISOString() });

function modelRow({ provider, model }) {
  return { text: model ?? UNKNOWN, note: provider, filter: model && { key: 'model', operator: 'eq', value: model } };
}

function groupRow({ value }, group) {
  if (!value) return { text: 'without it' };
  return { text: value, filter: { key: 'metadata.value', operator: 'eq', value }, also: { key: 'metadata.key', operator: 'eq', value: group } };
}

function breakdown(rows, name, describe) {
  if (!rows.length) return el('p', { class: 'empty' }, 'No data in this range');
  const sorted = rows.toSorted((a, b) => (b.cost ?? -1) - (a.cost ?? -1) || b.requests - a.requests);
  const top = Math.max(...sorted.map((row) => row.cost ?? 0), 1e-12);
  const head = [name, 'Cost', 'Requests', 'Errors', 'Tokens', 'p50'].map((text, at) => el('th', { scope: 'col', class: at ? (at > 3 ? 'num wideonly' : 'num') : null }, text));
  return el('div', { class: 'scroll' }, el('table', { class: 'breakdown' }, el('thead', null, el('tr', null, head)), el('tbody', null, sorted.map((row) => {
    const { text, note, filter, also } = describe(row);
    const amount = el('i', { class: 'amount', 'aria-hidden': 'true' });
    amount.style.width = `${((row.cost ?? 0) / top) * 100}%`;
    return el('tr', null,
      el('th', { scope: 'row' }, filter ? el('a', { href: toCalls(filter, also) }, el('bdi', null, text)) : el('bdi', null, text), ' ', note && el('span', { class: 'soft' }, el('bdi', null, note)), amount),
      el('td', { class: 'num' }, money(row.cost)),
      el('td', { class: 'num' }, short(row.requests)),
      el('td', { class: 'num' }, row.errors ? percent(share(row.errors, row.requests)) : '0'),
      el('td', { class: 'num wideonly' }, short(sum(row.tokens_in, row.tokens_out))),
      el('td', { class: 'num wideonly' }, duration(row.latency?.p50)));
  }))));
}

function toCalls(filter, also) {
  const state = read();
  const filters = [also, filter].filter(Boolean).reduce(withFilter, state.filters);
  return link({ ...state, view: 'calls', id: '', page: '1', filters });
}

/** Chooses the metadata key, of those that the latest calls have. */
function groupPicker() {
  const select = el('select', { 'aria-label': 'Metadata key', onchange: () => change({ group: select.value }, true) });
  let looked = false;
  const value = (state) => state.group || metadataKeys()[0] || '';

  async function update(state, signal) {
    if (!looked && !metadataKeys().length) await look(state, signal);
    looked = true;
    const keys = new Set([...metadataKeys(), value(state)].filter(Boolean));
    if (keys.size !== select.options.length) select.replaceChildren(...[...keys].map((key) => el('option', { value: key }, key)));
    select.value = value(state);
    select.hidden = keys.size === 0;
  }
  return { root: select, update, value };
}

async function look(state, signal) {
  const { result } = await api.calls(state.gateway, { per_page: 50, order_by: 'created_at', order_by_direction: 'desc' }, signal);
  learn(result);
}
