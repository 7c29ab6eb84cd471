// The table of calls: the records of one event are folded into one row.

import { arrange, el, icon } from './dom.js';
import { clock, costOf, count, duration, fullTime, money, plural, short, UNKNOWN } from './format.js';
import { bar } from './timing.js';

const OUTCOMES = { cut: 'cut', client_gone: 'client left', refused: 'refused' };
const COLUMNS = [['Time', ''], ['Status', ''], ['Model', ''], ['Tokens', 'num tokens'], ['Cost', 'num cost'], ['Latency', 'num lat'], ['Metadata', 'meta']];

/** The records by event, each with its last one first. */
export function fold(records) {
  const events = new Map();
  for (const record of records) {
    const key = record.event_id ?? record.id;
    if (!events.has(key)) events.set(key, []);
    events.get(key).push(record);
  }
  return [...events].map(([key, list]) => ({ key, records: list.sort(later) }));
}

const order = (record) => [record.step ?? 0, record.created_at ?? '', record.id];
function later(a, b) {
  const [x, y] = [order(a), order(b)];
  const index = x.findIndex((value, at) => value !== y[at]);
  return index < 0 ? 0 : x[index] < y[index] ? 1 : -1;
}

/** A table that is given records again and again, and keeps the focus where it is. */
export function callTable(open) {
  const body = el('tbody', { role: 'rowgroup' });
  const head = COLUMNS.map(([name, kind]) => el('th', { scope: 'col', role: 'columnheader', class: kind || null }, name));
  const table = el('table', { class: 'calls', role: 'table', onclick: clicked, onkeydown: moved }, el('caption', { class: 'sr' }, 'Calls, newest first'), el('thead', { role: 'rowgroup' }, el('tr', { role: 'row' }, head)), body);
  const unfolded = new Set();
  let made = new Map();

  function show(records, selected, fresh) {
    const scale = Math.max(1, ...records.map((record) => record.duration ?? 0));
    const next = new Map();
    for (const event of fold(records)) {
      const signature = JSON.stringify([event, scale, new Date().toDateString()]);
      const old = made.get(event.key);
      const rows = old?.signature === signature ? old.rows : rowsOf(event, scale, unfolded);
      if (fresh && !old) rows[0].classList.add('fresh');
      next.set(event.key, { signature, rows });
    }
    made = next;
    arrange(body, [...made.values()].flatMap(({ rows }) => rows));
    mark(selected);
  }

  function mark(selected) {
    for (const row of body.children) {
      if (row.dataset.id === selected) row.setAttribute('aria-current', 'true');
      else row.removeAttribute('aria-current');
    }
  }

  function clicked(event) {
    const row = event.target.closest('tbody tr[data-id]');
    if (!row || event.target.closest('.unfold') || String(getSelection())) return;
    open(row.dataset.id);
  }

  function moved(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    const stops = [...body.querySelectorAll('tr:not([hidden]) .open')];
    const at = stops.indexOf(event.target.closest('tr')?.querySelector('.open'));
    stops[at + step]?.focus();
    event.preventDefault();
  }

  return { table, show, mark, focus: (id) => find(body, id)?.querySelector('.open')?.focus() };
}

const find = (body, id) => [...body.children].find((row) => row.dataset.id === id);

function rowsOf({ key, records }, scale, unfolded) {
  const [last, ...earlier] = records;
  const before = [...earlier.toReversed().flatMap((record) => [...lost(record), record]), ...lost(last)];
  const rows = before.map((record, index) => (record.id ? recordRow(record, scale, null, 'sub') : lostRow(record, index)));
  for (const row of rows) row.hidden = !unfolded.has(key);
  if (!rows.length) return [recordRow(last, scale)];
  const unfold = el('button', { type: 'button', class: 'unfold', 'aria-expanded': String(unfolded.has(key)) }, icon('more'), plural(rows.length + 1, 'attempt'));
  unfold.addEventListener('click', () => {
    const shown = unfolded.delete(key) ? false : Boolean(unfolded.add(key));
    unfold.setAttribute('aria-expanded', String(shown));
    for (const row of rows) row.hidden = !shown;
  });
  return [recordRow(last, scale, unfold), ...rows];
}

// An attempt that failed has no record of its own: a status and a time in the record of its step.
const lost = (record) => (record.failed_attempts ?? []).map((attempt) => ({ ...attempt, model: record.model, provider: record.provider }));

function lostRow({ status_code: status, after, model, provider }) {
  return el('tr', { class: 'sub', role: 'row' },
    cell('when soft', `+${duration(after)}`),
    cell('state', pill(status ?? 'no answer', 'bad')),
    el('td', { class: 'model', role: 'cell', colspan: 5 }, el('bdi', null, model ?? UNKNOWN), ' ', el('span', { class: 'soft' }, el('bdi', null, provider ?? ''), ' · failed, tried again')));
}

function recordRow(record, scale, unfold, kind) {
  const when = clock(record.created_at);
  return el('tr', { class: kind, role: 'row', 'data-id': record.id },
    cell('when', el('button', { type: 'button', class: 'open', title: fullTime(record.created_at), 'aria-label': `Open call ${when}, ${record.model ?? 'unknown model'}` }, when)),
    cell('state', badges(record), unfold),
    cell('model', el('bdi', null, record.model ?? UNKNOWN), ' ', el('span', { class: 'soft' }, el('bdi', null, record.provider ?? UNKNOWN))),
    cell('num tokens', flow(record)),
    cell('num cost', cost(record)),
    cell('num lat', duration(record.duration), bar(record, scale)),
    cell('meta', chips(record.metadata)));
}

const cell = (kind, ...children) => el('td', { class: kind, role: 'cell' }, ...children);

/** What became of a call: status, and what is not ordinary about it. */
export function badges(record) {
  const failed = record.success === false;
  const found = [pill(record.status_code || 'none', failed ? 'bad' : 'good')];
  if (record.cached) found.push(pill('cached', 'cool'));
  const outcome = Object.hasOwn(OUTCOMES, record.outcome) && OUTCOMES[record.outcome];
  if (outcome) found.push(pill(outcome, record.outcome === 'client_gone' ? '' : 'bad'));
  if (record.feedback) found.push(el('span', { class: record.feedback > 0 ? 'thumb good' : 'thumb bad', role: 'img', 'aria-label': record.feedback > 0 ? 'rated good' : 'rated bad' }, icon(record.feedback > 0 ? 'up' : 'down')));
  return found;
}

const pill = (text, kind) => el('span', { class: `pill ${kind}` }, String(text));

function flow({ tokens_in: given, tokens_out: made }) {
  const number = (value) => (value < 100_000 ? count(value) : short(value));
  return typeof given === 'number' || typeof made === 'number' ? `${number(given)} → ${number(made)}` : UNKNOWN;
}

function cost(record) {
  const { cached, saved_cost: saved } = record;
  if (!cached || typeof saved !== 'number') return money(costOf(record));
  return el('span', { class: 'saved', title: 'Not spent, thanks to the cache' }, el('span', { class: 'sr' }, 'saved '), el('s', null, money(saved)));
}

function chips(metadata) {
  if (metadata === null || typeof metadata !== 'object') return null;
  return Object.entries(metadata).flatMap(([name, value]) => [el('span', { class: 'chip', title: `${name}: ${value}` }, el('b', null, el('bdi', null, name)), ' ', el('bdi', null, String(value))), ' ']);
}
