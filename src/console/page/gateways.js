// The gateways with their settings and limits, and how full each limit is.

import { el } from './dom.js';
import * as api from './api.js';
import { bytes, count, percent, seconds } from './format.js';
import { link, read } from './state.js';

const FULL = 0.9;
const HIGH = 0.75;

/** The view; `load` as in the list of calls. */
export function gatewaysView() {
  const grid = el('div', { class: 'cards gateways' });
  const root = el('div', null, el('h1', null, 'Gateways'), grid);

  async function load(state, signal, again) {
    const { result } = await api.gateways(signal);
    const limits = await Promise.all(result.map((gateway) => limitsOf(gateway, signal)));
    if (again && grid.contains(document.activeElement)) return;
    grid.replaceChildren(...result.map((gateway, index) => card(gateway, limits[index], state)));
    if (!result.length) grid.append(el('p', { class: 'empty' }, 'There is no gateway in the configuration.'));
  }
  return { root, load };
}

// One gateway whose limits cannot be read does not hide the others.
async function limitsOf(gateway, signal) {
  try {
    return (await api.limits(gateway, signal)).result ?? {};
  } catch (error) {
    signal.throwIfAborted();
    return { fault: error.message };
  }
}

function card(gateway, limits, state) {
  return el('section', { class: 'card', 'aria-label': `Gateway ${gateway.id}` },
    el('div', { class: 'cardhead' }, el('h2', null, el('bdi', null, gateway.id)),
      el('a', { href: link({ ...read(), ...state, view: 'calls', id: '', page: '1', gateway: gateway.id }) }, 'Calls', el('span', { class: 'sr' }, ` of ${gateway.id}`))),
    gateway.account_id && el('p', { class: 'soft' }, `account ${gateway.account_id}`),
    el('ul', { class: 'chips' }, settings(gateway).map((text) => el('li', { class: 'chip' }, text))),
    ...(limits.fault ? [el('p', { class: 'warn' }, `Its limits cannot be read: ${limits.fault}`)] : meters(limits)));
}

function meters({ rate_limit: rate, log = {}, cache, dropped }) {
  return [
    rate ? meter('Rate limit', rate.used, rate.limit, `${count(rate.used)} of ${count(rate.limit)} in ${seconds(rate.interval)}, ${rate.technique}`, typeof rate.resets_in === 'number' && `resets in ${seconds(rate.resets_in)}`) : off('Rate limit'),
    log.limit ? meter('Log', log.records, log.limit, `${count(log.records)} of ${count(log.limit)} records`, strategy(log.strategy), log.strategy === 'STOP_INSERTING') : off('Log', `${count(log.records)} records, ${bytes(log.bytes)}${log.limit_per_account ? `, limit ${count(log.limit_per_account)} of each account` : ''}`),
    log.store && meter('Log of all gateways', log.store.bytes, log.store.max_bytes, `${bytes(log.store.bytes)} of ${bytes(log.store.max_bytes)}, ${count(log.store.records)} of ${count(log.store.max_records)} records`, 'then the oldest go', false),
    cache ? meter('Cache of all gateways', cache.bytes, cache.max_bytes, `${bytes(cache.bytes)} of ${bytes(cache.max_bytes)}`) : off('Cache'),
    dropped > 0 && el('p', { class: 'warn' }, `${count(dropped)} records of all gateways were dropped: the log could not keep up`),
    log.store?.refused > 0 && el('p', { class: 'warn' }, `${count(log.store.refused)} records were refused by full logs`),
  ];
}

const strategy = (name) => ({ DELETE_OLDEST: 'then the oldest go', STOP_INSERTING: 'then no more are kept' }[name] ?? null);

function settings(gateway) {
  return [
    gateway.authentication ? 'needs a credential' : 'open',
    gateway.cache_ttl ? `cache ${seconds(gateway.cache_ttl)}` : 'cache off',
    gateway.collect_logs === false ? 'log off' : gateway.collect_log_payload ? 'log with bodies' : 'log without bodies',
    gateway.retry_max_attempts > 1 ? `${gateway.retry_max_attempts} attempts` : null,
    gateway.byok_only ? 'own keys only' : null,
  ].filter(Boolean);
}

// A log that lets its oldest records go is meant to be full.
function meter(name, used, limit, text, note, alarming = true) {
  const part = limit > 0 && typeof used === 'number' ? Math.min(1, used / limit) : null;
  const fill = el('i', { class: !alarming || !(part >= HIGH) ? 'main' : part >= FULL ? 'bad' : 'second' });
  fill.style.width = `${(part ?? 0) * 100}%`;
  return el('div', { class: 'meter' },
    el('div', { class: 'meterhead' }, el('span', null, name), el('b', null, percent(part))),
    el('div', { class: 'gauge', role: 'meter', 'aria-label': name, 'aria-valuemin': '0', 'aria-valuemax': '100', 'aria-valuenow': Math.round((part ?? 0) * 100), 'aria-valuetext': text }, fill),
    el('p', { class: 'soft' }, text, note && ` · ${note}`));
}

function off(name, text = 'off') {
  return el('div', { class: 'meter' }, el('div', { class: 'meterhead' }, el('span', null, name), el('span', { class: 'soft' }, text)));
}
