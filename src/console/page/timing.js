// Where the time of a call went, as bars.

import { el } from './dom.js';
import { duration } from './format.js';

const LEGEND = [['lost', 'failed attempt'], ['wait', 'until the first byte'], ['flow', 'answer'], ['fail', 'ended without success']];

/** The phases of a record: `{kind, from, to}` in ms from its beginning. */
export function phases({ timings, duration: given, failed_attempts: failed, success }) {
  const total = timings?.total ?? given;
  if (typeof total !== 'number') return [];
  const found = [];
  let from = 0;
  const add = (kind, until) => {
    const to = Math.min(Math.max(from, until), total);
    if (to > from) found.push({ kind, from, to });
    from = to;
  };
  for (const attempt of failed ?? []) add('lost', attempt.after);
  const first = timings?.latency;
  if (typeof first === 'number') add(success === false ? 'fail' : 'wait', first);
  add(success === false ? 'fail' : typeof first === 'number' ? 'flow' : 'wait', total);
  return found;
}

/** A bar of a record's phases; `scale` is the ms of its full width, `offset` where it begins. */
export function bar(record, scale, offset = 0) {
  const track = el('div', { class: 'track', 'aria-hidden': 'true' });
  for (const { kind, from, to } of phases(record)) {
    const piece = el('i', { class: kind });
    piece.style.left = `${((offset + from) / scale) * 100}%`;
    piece.style.width = `max(2px, ${((to - from) / scale) * 100}%)`;
    track.append(piece);
  }
  return track;
}

/** The records of one event under each other on one scale. */
export function waterfall(records, current, open) {
  const begins = records.map((record) => Date.parse(record.created_at));
  const first = Math.min(...begins);
  const scale = Math.max(1, ...records.map((record, index) => begins[index] - first + (record.duration ?? 0)));
  const rows = records.map((record, index) => {
    const name = record.model ?? record.provider ?? 'call';
    const here = record.id === current;
    const label = here || records.length === 1
      ? el('b', null, el('bdi', null, name))
      : el('button', { type: 'button', class: 'plain', onclick: () => open(record.id) }, el('bdi', null, name));
    return el('li', { 'aria-current': here && records.length > 1 ? 'true' : null },
      el('div', { class: 'wname' }, label, el('span', { class: 'soft' }, record.provider ?? '')),
      bar(record, scale, begins[index] - first),
      el('p', { class: 'soft' }, told(record)));
  });
  const kinds = new Set(records.flatMap((record) => phases(record).map(({ kind }) => kind)));
  const legend = LEGEND.filter(([kind]) => kinds.has(kind)).map(([kind, text]) => el('li', null, el('i', { class: kind }), text));
  return el('div', { class: 'waterfall' }, el('ol', null, rows), el('ul', { class: 'legend' }, legend));
}

/** The same in words. */
function told({ failed_attempts: failed, timings, duration: total, status_code: status, success }) {
  const steps = (failed ?? []).map((attempt) => `${attempt.status_code ?? 'no answer'} after ${duration(attempt.after)}`);
  if (typeof timings?.latency === 'number') steps.push(`first byte after ${duration(timings.latency)}`);
  steps.push(`${success === false ? `${status || 'failed'} ` : 'done '}after ${duration(timings?.total ?? total)}`);
  return steps.join(' · ');
}
