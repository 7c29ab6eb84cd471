// The list of calls, with a graph over it and one call beside it.

import { announce, button, el } from './dom.js';
import * as api from './api.js';
import { chart } from './chart.js';
import { detailPanel } from './detail.js';
import { filterBar, learn } from './filters.js';
import { count, plural, short } from './format.js';
import { callTable } from './rows.js';
import { change, criteria, RANGES } from './state.js';

const PER_PAGE = 50;
/** The graph takes a look at every call of its range: that may take up a twentieth of the time. */
const GRAPH_MS = 10_000;
const GRAPH_SHARE = 20;

/** The view: `load(state, signal, again)` shows a state; `again` is a look for news. */
export function callsView() {
  const bar = filterBar({ search: true });
  const table = callTable((id) => change({ id, tab: '' }));
  const graph = el('div', { class: 'strip' });
  const note = el('div', { class: 'note', hidden: true });
  const pages = el('nav', { class: 'pages', 'aria-label': 'Pages' });
  const list = el('section', { class: 'list', 'aria-label': 'Calls' }, el('div', { class: 'frame' }, table.table, note), pages);
  const detail = detailPanel((id) => table.focus(id));
  const root = el('div', null, el('h1', { class: 'sr' }, 'Calls'), bar.root, graph, el('div', { class: 'split' }, list, detail.root));
  let [shown, due] = [null, 0];

  async function load(state, signal, again) {
    const wanted = JSON.stringify({ ...state, id: '', tab: '', group: '' });
    bar.update(state);
    table.mark(state.id);
    // Only the first page has news; on the others records would move under the reader.
    const listed = again ? state.page !== '1' : wanted === shown;
    await Promise.all([detail.show(state, signal, again), listed || fetchList(state, signal, again, wanted)]);
  }

  async function fetchList(state, signal, again, wanted) {
    const query = criteria(state);
    if (!again) list.setAttribute('aria-busy', 'true');
    try {
      const answer = await api.calls(state.gateway, { ...query, page: state.page, per_page: PER_PAGE, order_by: 'created_at', order_by_direction: 'desc' }, signal);
      learn(answer.result);
      table.show(answer.result, state.id, again);
      performance.mark('calls-shown');
      tell(state, answer, again);
    } finally {
      list.removeAttribute('aria-busy');
    }
    const late = wanted !== shown;
    shown = wanted;
    if (late || performance.now() > due) await fetchGraph(state, query, signal);
  }

  async function fetchGraph(state, { search, ...query }, signal) {
    // The graph cannot search: it would show something else than the list.
    graph.hidden = Boolean(search);
    if (search) return;
    const began = performance.now();
    const { result } = await api.analytics(state.gateway, { ...query, buckets: 60 }, signal);
    const now = performance.now();
    due = now + Math.max(GRAPH_MS, (now - began) * GRAPH_SHARE);
    const values = (pick) => result.buckets.map(pick);
    if (graph.contains(document.activeElement) || graph.matches(':hover')) return;
    graph.replaceChildren(chart({
      label: 'Graph of calls', kind: 'bars', format: short, step: result.bucket_seconds * 1000,
      times: values((bucket) => Date.parse(bucket.time)),
      series: [
        { name: 'Good', tone: 'third', values: values((bucket) => bucket.requests - bucket.errors) },
        { name: 'Errors', tone: 'bad', values: values((bucket) => bucket.errors) },
      ],
      pick: (from, to) => change({ range: 'custom', from: new Date(from).toISOString(), to: new Date(to).toISOString(), page: '1' }),
    }));
  }

  function tell(state, { result, result_info: info }, again) {
    const total = info?.total_count ?? result.length;
    const last = Math.max(1, Math.ceil(total / PER_PAGE));
    const page = Number(state.page);
    const turnTo = (number) => change({ page: String(number) });
    const first = (page - 1) * PER_PAGE;
    // New buttons would lose the focus.
    if (!again || !pages.contains(document.activeElement)) {
      pages.replaceChildren(
        el('span', null, result.length ? `${count(first + 1)}–${count(first + result.length)} of ${count(total)}` : ''),
        button('Newer', () => turnTo(page - 1), { disabled: page <= 1, class: 'quiet' }),
        el('span', null, `Page ${count(page)} of ${count(last)}`),
        button('Older', () => turnTo(page + 1), { disabled: page >= last, class: 'quiet' }));
    }
    note.hidden = result.length > 0;
    table.table.hidden = result.length === 0;
    pages.hidden = total === 0;
    if (!result.length) note.replaceChildren(...nothing(state, page > 1 && total > 0));
    if (!again) announce(plural(total, 'call'));
  }

  return { root, load, search: bar.focus, close: detail.close };
}

function nothing(state, beyond) {
  const narrowed = state.filters.length > 0 || state.q !== '';
  const range = state.range === 'custom' ? 'in this range' : `in the last ${RANGES[state.range][1]}`;
  if (beyond) return [el('p', null, 'There is no such page.'), button('First page', () => change({ page: '1' }), { class: 'primary' })];
  return [
    el('p', null, narrowed ? 'No call matches.' : state.range === 'all' ? 'No calls yet. They appear here by themselves.' : `No calls ${range}.`),
    narrowed && button('Clear filters', () => change({ filters: [], q: '', page: '1' }), { class: 'primary' }),
    state.range !== 'all' && button('All time', () => change({ range: 'all', page: '1' })),
  ].filter(Boolean);
}
