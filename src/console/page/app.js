// The page: which view is shown, what the header holds, and when to look for news.

import { el, icon } from './dom.js';
import * as api from './api.js';
import { callsView } from './calls.js';
import { gatewaysView } from './gateways.js';
import { overviewView } from './overview.js';
import { change, link, RANGES, read } from './state.js';

const VIEWS = { calls: [callsView, 2000], overview: [overviewView, 10_000], gateways: [gatewaysView, 5000] };
const SLOWEST_MS = 30_000;
/** Looks take up at most this part of the time: the server has other things to do. */
const LOOK_SHARE = 10;
const HOUR_MS = 3_600_000;
/** How long a message about something that was done stays at least. */
const READING_MS = 8000;

const at = (id) => document.getElementById(id);
const views = {};
let [showing, running, timer, failures, live] = ['', null, 0, 0, true];
let [kept, began] = [0, 0];

/** Shows the state of the URL. `again` only looks for news. */
async function show(again = false) {
  clearTimeout(timer);
  const state = read();
  const changed = state.view !== showing;
  running?.abort();
  running = new AbortController();
  const { signal } = running;
  began = performance.now();
  const view = (views[state.view] ??= VIEWS[state.view][0]());
  if (changed) enter(view, state);
  header(state);
  try {
    await view.load(state, signal, again && !changed);
    signal.throwIfAborted();
    failures = 0;
    if (Date.now() > kept) at('fault').hidden = true;
  } catch (error) {
    if (signal.aborted) return;
    failures += 1;
    if (!(error instanceof api.ApiError)) console.error(error);
    fault(error.message);
  }
  plan(state, performance.now() - began);
}

function enter(view, state) {
  const first = showing === '';
  showing = state.view;
  at('main').replaceChildren(view.root);
  if (!first) at('main').focus();
}

/** The next look; none while the page is hidden or not live. After failures it comes later, and where a look takes long. */
function plan(state, took) {
  clearTimeout(timer);
  if (document.hidden || (!live && !failures)) return;
  timer = setTimeout(() => show(true), Math.min(SLOWEST_MS, Math.max(VIEWS[state.view][1], took * LOOK_SHARE) * 2 ** failures));
}

function header(state) {
  for (const anchor of document.querySelectorAll('[data-view]')) {
    const { view } = anchor.dataset;
    anchor.href = link({ ...state, view, id: '', tab: '', page: '1' });
    if (view === state.view) anchor.setAttribute('aria-current', 'page');
    else anchor.removeAttribute('aria-current');
  }
  const name = state.view[0].toUpperCase() + state.view.slice(1);
  document.title = `${name} · Sluice`;
  choose(at('gateway'), state.gateway);
  choose(at('range'), state.range);
  at('gateway').hidden = at('range').hidden = state.view === 'gateways';
  at('leave').hidden = !api.signedIn();
}

/** Selects a value, also one that is not offered: a link may name it. */
function choose(select, value) {
  if (![...select.options].some((option) => option.value === value)) select.append(el('option', { value }, value));
  select.value = value;
}

function fault(text) {
  at('fault').textContent = text;
  at('fault').hidden = false;
}

async function listGateways() {
  const { result } = await api.gateways();
  const known = new Set([...at('gateway').options].map((option) => option.value));
  at('gateway').append(...[...new Set(result.map(({ id }) => id))].filter((id) => !known.has(id)).map((id) => el('option', { value: id }, id)));
}

function chooseRange() {
  const range = at('range').value;
  if (range !== 'custom') return change({ range, from: '', to: '', page: '1' });
  const iso = (ms) => new Date(ms).toISOString();
  return change({ range, from: iso(Date.now() - HOUR_MS), to: iso(Date.now()), page: '1' });
}

function themeButton() {
  const order = ['auto', 'light', 'dark'];
  const root = document.documentElement;
  const paint = () => {
    const theme = root.dataset.theme ?? 'auto';
    const label = `Theme: ${theme === 'auto' ? 'as the system' : theme}`;
    at('theme').replaceChildren(icon(theme));
    at('theme').setAttribute('aria-label', label);
    at('theme').title = label;
  };
  at('theme').addEventListener('click', () => {
    const next = order[(order.indexOf(root.dataset.theme ?? 'auto') + 1) % order.length];
    if (next === 'auto') delete root.dataset.theme;
    else root.dataset.theme = next;
    try {
      localStorage.setItem('sluice-theme', next);
    } catch { /* then it lasts as long as the page */ }
    paint();
  });
  paint();
}

function keyboard(event) {
  if (event.key === 'k' && (event.ctrlKey || event.metaKey) && showing === 'calls') {
    event.preventDefault();
    views.calls.search();
  } else if (event.key === 'Escape' && showing === 'calls' && !event.defaultPrevented && !at('ask').open) {
    views.calls.close();
  }
}

function toggleLive() {
  live = !live;
  at('live').setAttribute('aria-pressed', String(live));
  if (live) show(true);
  else clearTimeout(timer);
}

function begin() {
  at('gateway').append(el('option', { value: '_' }, 'All gateways'));
  at('range').append(...Object.entries(RANGES).map(([value, [, text]]) => el('option', { value }, text)), el('option', { value: 'custom' }, 'Custom range'));
  at('gateway').addEventListener('change', () => change({ gateway: at('gateway').value, page: '1' }));
  at('range').addEventListener('change', chooseRange);
  at('live').addEventListener('click', toggleLive);
  at('skip').addEventListener('click', () => at('main').focus());
  at('leave').addEventListener('click', () => {
    api.signOut();
    location.reload();
  });
  themeButton();
  document.addEventListener('keydown', keyboard);
  document.addEventListener('visibilitychange', () => {
    if (document.hidden) clearTimeout(timer);
    else if (live) show(true);
  });
  addEventListener('popstate', () => show());
  addEventListener('statechange', () => show());
  addEventListener('refresh', () => show(true));
  addEventListener('signedin', () => {
    at('leave').hidden = false;
    began = performance.now();
  });
  addEventListener('fault', (event) => {
    fault(event.detail);
    kept = Date.now() + READING_MS;
  });
  show().then(listGateways).catch(() => { /* the view has said so already */ });
}

begin();
