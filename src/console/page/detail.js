// One call: what it was, where its time went, what it said.

import { announce, el, icon } from './dom.js';
import * as api from './api.js';
import { bytes, costOf, count, duration, fullTime, money, UNKNOWN } from './format.js';
import { badges } from './rows.js';
import { change, criteria, read, withFilter } from './state.js';
import { waterfall } from './timing.js';
import { raw, transcript } from './transcript.js';

const TABS = { talk: 'Conversation', request: 'Request', response: 'Response', details: 'Details' };
const SOURCES = { prices: 'by the price list', provider: 'by the provider', custom: 'by the client' };

/** The panel; `back` gets the focus back to the call's row. */
export function detailPanel(back) {
  const root = el('aside', { class: 'detail', 'aria-label': 'Call', hidden: true });
  let current = { id: '' };

  root.addEventListener('keydown', (event) => {
    if (event.key === 'Escape') close();
  });

  function close() {
    const { id } = read();
    if (!id) return;
    change({ id: '', tab: '' });
    back(id);
  }

  async function show(state, signal, again) {
    const { id } = state;
    root.hidden = id === '';
    document.body.classList.toggle('reading', id !== '');
    if (id === '' || (again && current.select)) {
      if (id === '') current = { id };
      return;
    }
    if (id === current.id && current.select) return void current.select(state.tab);
    current = { id };
    root.replaceChildren(header('Loading…', close));
    root.querySelector('h2').focus();
    try {
      await fill(state, signal);
    } catch (error) {
      if (error.status !== 404) {
        current = { id: '' };
        throw error;
      }
      current.select = () => {};
      root.replaceChildren(header('Not found', close), el('p', { class: 'empty' }, 'This call is not in the log (any more).'));
      root.querySelector('h2').focus();
    }
  }

  async function fill(state, signal) {
    const [answer, request, response] = await Promise.all([
      api.call(state.gateway, state.id, signal),
      api.payload(state.gateway, state.id, 'request', signal),
      api.payload(state.gateway, state.id, 'response', signal),
    ]);
    const record = answer.result;
    const bodies = { request, response };
    const tabs = tabbed(record, bodies);
    const timing = el('div', null, waterfall([record], record.id));
    root.replaceChildren(
      header(record.model ?? 'Call', close, record.provider),
      el('p', { class: 'soft' }, [fullTime(record.created_at), record.gateway_id, record.path].filter(Boolean).flatMap((text, at) => [at ? ' · ' : '', el('bdi', null, text)])),
      el('div', { class: 'summary' }, badges({ ...record, feedback: null }), record.error_type && el('span', { class: 'pill bad' }, record.error_type), metadata(record.metadata), rating(record, state.gateway)),
      figures(record),
      timing,
      tabs.root);
    root.querySelector('h2').focus();
    announce(`Call ${record.model ?? ''}, status ${record.status_code}`);
    current.select = tabs.select;
    tabs.select(state.tab);
    await siblings(record, state.gateway, timing, signal);
  }

  return { root, show, close };
}

async function siblings(record, gateway, timing, signal) {
  if (!record.event_id) return;
  const query = criteria({ range: 'all', q: '', filters: [{ key: 'event_id', operator: 'eq', value: record.event_id }] });
  const { result } = await api.calls(gateway, { ...query, per_page: 50, order_by: 'created_at', order_by_direction: 'asc' }, signal);
  if (result.length > 1) timing.replaceChildren(waterfall(result, record.id, (id) => change({ id })));
}

function header(title, close, provider) {
  return el('header', null,
    el('h2', { tabindex: '-1' }, el('bdi', null, title), ' ', provider && el('span', { class: 'soft' }, el('bdi', null, provider))),
    el('button', { type: 'button', class: 'quiet icon', 'aria-label': 'Close', onclick: close }, icon('close')));
}

/** Thumbs; pressing the one that is set takes the rating back. */
function rating(record, gateway) {
  let given = record.feedback ?? null;
  const thumbs = [[1, 'up', 'Good answer'], [-1, 'down', 'Bad answer']].map(([value, name, label]) => {
    const thumb = el('button', { type: 'button', class: `quiet icon rate-${name}`, 'aria-label': label, title: label }, icon(name));
    thumb.addEventListener('click', async () => {
      const before = given;
      given = given === value ? null : value;
      mark();
      try {
        await api.patch(gateway, record.id, { feedback: given });
        announce(given === null ? 'Rating removed' : `Rated: ${label}`);
        dispatchEvent(new Event('refresh'));
      } catch (error) {
        given = before;
        mark();
        dispatchEvent(new CustomEvent('fault', { detail: `The rating was not saved: ${error.message}` }));
      }
    });
    return [value, thumb];
  });
  const mark = () => thumbs.forEach(([value, thumb]) => thumb.setAttribute('aria-pressed', String(given === value)));
  mark();
  return el('span', { class: 'rating', role: 'group', 'aria-label': 'Rating' }, thumbs.map(([, thumb]) => thumb));
}

/** The numbers that are looked for first. */
function figures(record) {
  const usage = record.usage_metadata ?? {};
  const saved = record.cached && typeof record.saved_cost === 'number';
  return list('figures', [
    saved ? ['Saved', money(record.saved_cost), 'by the cache'] : ['Cost', money(costOf(record)), SOURCES[record.cost_source] ?? record.cost_source],
    ['Tokens in', count(record.tokens_in), usage.input_cached_tokens ? `${count(usage.input_cached_tokens)} cached` : record.usage_unread],
    ['Tokens out', count(record.tokens_out), usage.output_reasoning_tokens ? `${count(usage.output_reasoning_tokens)} reasoning` : record.usage_partial && 'so far'],
    ['Duration', duration(record.duration)],
    ['First byte', duration(record.timings?.latency)],
  ]);
}

function facts(record) {
  return list('facts', [
    ['Provider', record.provider], ['Model asked for', record.model_asked], ['Model billed', record.model_billed], ['Gateway', record.gateway_id], ['Account', record.account_id],
    ['Path', record.path], ['Finish', record.finish_reason], ['Error', record.error_type ?? record.error_code], ['Credential', record.authentication_name], ['User agent', record.user_agent],
    ['Size', `${bytes(record.request_size)} → ${bytes(record.response_size)}`], ['Upstream id', record.upstream_request_id], ['Event', record.event_id], ['Log id', record.id],
  ]);
}

function list(kind, pairs) {
  const shown = pairs.filter(([, value]) => value !== null && value !== undefined && value !== '');
  return el('dl', { class: kind }, shown.map(([name, value, note]) => el('div', { class: value === UNKNOWN ? 'unknown' : null },
    el('dt', null, name), el('dd', null, el('bdi', null, String(value)), note && el('span', { class: 'soft' }, String(note))))));
}

function metadata(given) {
  const entries = Object.entries(given ?? {});
  if (!entries.length) return null;
  return el('ul', { class: 'chips', 'aria-label': 'Metadata' }, entries.map(([name, value]) => {
    const text = String(value);
    const pick = () => change({
      id: '', page: '1',
      filters: withFilter(withFilter(read().filters, { key: 'metadata.key', operator: 'eq', value: name }), { key: 'metadata.value', operator: 'eq', value: text }),
    });
    return el('li', null, el('button', { type: 'button', class: 'chip', title: 'Filter by this', onclick: pick }, el('b', null, el('bdi', null, name)), ' ', el('bdi', null, text)));
  }));
}

function tabbed(record, { request, response }) {
  const conversation = transcript(request, response);
  const make = {
    talk: () => conversation ?? none(request, response),
    request: () => raw(request, 'request'),
    response: () => raw(response, 'answer'),
    details: () => el('div', null, facts(record), raw(JSON.stringify(record), 'record')),
  };
  const names = Object.keys(TABS);
  const panel = el('div', { role: 'tabpanel', id: 'panel', tabindex: '-1' });
  const tabs = names.map((name) => el('button', { type: 'button', role: 'tab', id: `tab-${name}`, 'aria-controls': 'panel', onclick: () => change({ tab: name }, true) }, TABS[name]));
  const bar = el('div', { role: 'tablist', 'aria-label': 'Parts of the call' }, tabs);
  bar.addEventListener('keydown', (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const next = tabs[(tabs.indexOf(document.activeElement) + step + tabs.length) % tabs.length];
    next.click();
    next.focus();
  });

  function select(tab) {
    const name = Object.hasOwn(make, tab) ? tab : 'talk';
    names.forEach((each, index) => {
      tabs[index].setAttribute('aria-selected', String(each === name));
      tabs[index].tabIndex = each === name ? 0 : -1;
    });
    panel.setAttribute('aria-labelledby', `tab-${name}`);
    panel.replaceChildren(make[name]());
  }
  return { root: el('div', { class: 'bodies' }, bar, panel), select };
}

function none(request, response) {
  if (request === null && response === null) {
    return el('p', { class: 'empty' }, 'The bodies of this call were not recorded. A gateway records them with ', el('code', null, 'collect_log_payload: true'), '.');
  }
  return el('div', null, el('h3', null, 'Request'), raw(request, 'request'), el('h3', null, 'Answer'), raw(response, 'answer'));
}
