// The bar over the list and the graphs: search, quick filters, filters of any kind, the range, and the export.

import { announce, button, download, el, icon } from './dom.js';
import { exported } from './api.js';
import { change, criteria, KEYS, OPERATORS, read, withFilter } from './state.js';

const FITTING = { text: ['contains', 'eq', 'neq'], number: ['gt', 'lt', 'eq'], bool: ['eq'] };
const QUICK = [['Errors', { key: 'success', operator: 'eq', value: 'false' }], ['Cached', { key: 'cached', operator: 'eq', value: 'true' }]];
const TYPING_MS = 300;

const seen = { model: new Set(), provider: new Set(), 'metadata.key': new Set() };

/** Remembers values of records, to be offered when a filter is made. */
export function learn(records) {
  for (const { model, provider, metadata } of records) {
    if (model) seen.model.add(model);
    if (provider) seen.provider.add(provider);
    for (const key of Object.keys(metadata ?? {})) seen['metadata.key'].add(key);
  }
}

/** Keys of metadata met so far. */
export const metadataKeys = () => [...seen['metadata.key']].sort();

/** The bar; `update` shows a state in it. */
export function filterBar({ search }) {
  const field = search && el('input', { type: 'search', placeholder: 'Search model, id, path, metadata', 'aria-label': 'Search calls', 'aria-keyshortcuts': 'Control+K', spellcheck: 'false', oninput: typed });
  const quick = QUICK.map(([text, filter]) => button(text, () => toggle(filter), { class: 'quiet' }));
  const editor = filterEditor(() => add.click());
  const add = button('Add filter', () => {
    editor.hidden = !editor.hidden;
    add.setAttribute('aria-expanded', String(!editor.hidden));
    (editor.hidden ? add : editor.querySelector('select')).focus();
  }, { class: 'quiet', 'aria-expanded': 'false' });
  const chips = el('ul', { class: 'chips', 'aria-label': 'Filters' });
  const range = customRange();
  const root = el('div', { class: 'bar' },
    el('div', { class: 'row', role: 'search' }, field, quick, add, search && exportMenu()), editor, range.root, chips);
  let timer;

  function typed() {
    clearTimeout(timer);
    timer = setTimeout(() => change({ q: field.value.trim(), page: '1' }, true), TYPING_MS);
  }

  function update(state) {
    if (field && document.activeElement !== field) field.value = state.q;
    QUICK.forEach(([, filter], index) => quick[index].setAttribute('aria-pressed', String(has(state.filters, filter))));
    chips.replaceChildren(...state.filters.map((filter) => chip(filter, state)));
    if (state.filters.length > 1) chips.append(el('li', null, button('Clear all', () => change({ filters: [], page: '1' }), { class: 'quiet' })));
    range.update(state);
  }
  return { root, update, focus: () => field?.focus() };
}

const same = (a) => (b) => a.key === b.key && a.operator === b.operator && a.value === b.value;
const has = (filters, filter) => filters.some(same(filter));

function toggle(filter) {
  const { filters } = read();
  change({ filters: has(filters, filter) ? filters.filter((old) => !same(filter)(old)) : withFilter(filters, filter), page: '1' });
}

function chip(filter, state) {
  const text = `${KEYS[filter.key][0]} ${OPERATORS[filter.operator]} ${filter.value}`;
  const drop = () => {
    change({ filters: state.filters.filter((old) => !same(filter)(old)), page: '1' });
    announce(`Removed filter ${text}`);
  };
  return el('li', { class: 'chip on' }, el('span', null, `${KEYS[filter.key][0]} ${OPERATORS[filter.operator]} `, el('b', null, el('bdi', null, filter.value))),
    el('button', { type: 'button', class: 'x', 'aria-label': `Remove filter ${text}`, onclick: drop }, icon('close')));
}

function filterEditor(done) {
  const option = (value, text) => el('option', { value }, text);
  const key = el('select', { 'aria-label': 'Field' }, Object.entries(KEYS).map(([name, [text]]) => option(name, text)));
  const operator = el('select', { 'aria-label': 'Comparison' });
  const offered = el('datalist', { id: 'offered' });
  const slot = el('span', { class: 'slot' });
  const fit = () => {
    const type = KEYS[key.value][1];
    operator.replaceChildren(...FITTING[type].map((name) => option(name, OPERATORS[name])));
    offered.replaceChildren(...[...(seen[key.value] ?? [])].sort().map((value) => option(value)));
    const value = type === 'bool'
      ? el('select', { 'aria-label': 'Value' }, option('true', 'true'), option('false', 'false'))
      : el('input', { 'aria-label': 'Value', required: true, type: type === 'number' ? 'number' : 'text', step: 'any', list: 'offered' });
    slot.replaceChildren(value);
  };
  key.addEventListener('change', fit);
  fit();
  return el('form', { class: 'row editor', hidden: true, 'aria-label': 'New filter', onsubmit: submit }, key, operator, slot, offered, el('button', { class: 'primary' }, 'Add'));

  function submit(event) {
    event.preventDefault();
    const value = slot.firstChild.value.trim();
    if (!value) return;
    change({ filters: withFilter(read().filters, { key: key.value, operator: operator.value, value }), page: '1' });
    fit();
    done();
  }
}

function customRange() {
  const field = (label) => el('input', { type: 'datetime-local', step: '1', required: true, 'aria-label': label });
  const [from, to] = [field('From'), field('To')];
  const root = el('form', { class: 'row editor', 'aria-label': 'Custom range', onsubmit: submit }, 'From', from, 'to', to, el('button', { class: 'primary' }, 'Show'));

  function submit(event) {
    event.preventDefault();
    to.setCustomValidity(from.value < to.value ? '' : 'The end must be after the beginning.');
    if (to.reportValidity()) change({ range: 'custom', from: new Date(from.value).toISOString(), to: new Date(to.value).toISOString(), page: '1' });
  }

  function update({ range, from: start, to: end }) {
    root.hidden = range !== 'custom';
    if (root.hidden || root.contains(document.activeElement)) return;
    [from.value, to.value] = [start, end].map(local);
  }
  to.addEventListener('input', () => to.setCustomValidity(''));
  return { root, update };
}

/** An instant in the form of a `datetime-local` field. */
function local(text) {
  const date = new Date(text);
  return new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 19);
}

function exportMenu() {
  const item = (format, text) => button(text, async () => {
    menu.open = false;
    menu.firstChild.focus();
    const state = read();
    announce('Preparing the export');
    try {
      const file = await exported(state.gateway, criteria(state), format);
      download(file, `calls.${format}`);
      announce('The export is ready');
    } catch (error) {
      dispatchEvent(new CustomEvent('fault', { detail: `The export failed: ${error.message}` }));
    }
  }, { class: 'quiet' });
  const menu = el('details', { class: 'menu' }, el('summary', null, 'Export'), el('div', null, item('ndjson', 'NDJSON'), item('csv', 'CSV')));
  menu.addEventListener('keydown', (event) => {
    if (event.key !== 'Escape' || !menu.open) return;
    menu.open = false;
    menu.firstChild.focus();
    event.stopPropagation();
  });
  return menu;
}
