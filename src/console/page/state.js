// What the page shows, as the fragment of its URL has it: it outlives a reload, can be sent to a colleague, and the
// browser's Back goes through it. The fragment never reaches a server.

/** Time ranges by name: seconds and text. */
export const RANGES = {
  '15m': [900, '15 minutes'],
  '1h': [3600, '1 hour'],
  '6h': [21_600, '6 hours'],
  '24h': [86_400, '24 hours'],
  '7d': [604_800, '7 days'],
  '30d': [2_592_000, '30 days'],
  all: [null, 'All time'],
};

/** What can be filtered by: key, text, type of its values. */
export const KEYS = {
  model: ['Model', 'text'],
  provider: ['Provider', 'text'],
  status_code: ['Status', 'number'],
  success: ['Success', 'bool'],
  cached: ['Cached', 'bool'],
  cost: ['Cost ($)', 'number'],
  duration: ['Duration (ms)', 'number'],
  tokens: ['Tokens', 'number'],
  tokens_in: ['Tokens in', 'number'],
  tokens_out: ['Tokens out', 'number'],
  'metadata.key': ['Metadata key', 'text'],
  'metadata.value': ['Metadata value', 'text'],
  feedback: ['Feedback', 'number'],
  event_id: ['Event', 'text'],
  id: ['Log id', 'text'],
  user_agent: ['User agent', 'text'],
  outcome: ['Outcome', 'text'],
  model_type: ['Model type', 'text'],
  request_type: ['Request type', 'text'],
  authentication: ['Authenticated', 'bool'],
};

/** Operators of the API and how they read. */
export const OPERATORS = { eq: 'is', neq: 'is not', contains: 'contains', gt: 'over', lt: 'under' };

const VIEWS = ['calls', 'overview', 'gateways'];
const DEFAULTS = { gateway: '_', range: 'all', from: '', to: '', q: '', page: '1', id: '', tab: '', group: '' };

/** The state in the URL; nonsense in it is ignored. */
export function read() {
  const [view, query = ''] = location.hash.slice(1).split(/\?(.*)/s);
  const given = new URLSearchParams(query);
  const state = { view: VIEWS.includes(view) ? view : 'calls', filters: given.getAll('f').map(parse).filter(Boolean) };
  for (const [name, value] of Object.entries(DEFAULTS)) state[name] = given.get(name) ?? value;
  if (!Number.isInteger(Number(state.page)) || Number(state.page) < 1) state.page = '1';
  if (state.range === 'custom' ? !(Date.parse(state.from) < Date.parse(state.to)) : !RANGES[state.range]) state.range = 'all';
  return state;
}

/** The fragment for a state. */
export function link(state) {
  const given = new URLSearchParams();
  for (const [name, value] of Object.entries(DEFAULTS)) if (state[name] && state[name] !== value) given.set(name, state[name]);
  for (const filter of state.filters ?? []) given.append('f', `${filter.key}:${filter.operator}:${filter.value}`);
  const query = given.toString();
  return `#${state.view}${query ? `?${query}` : ''}`;
}

/** Changes the state; a step of the browser's history unless `replace`. */
export function change(part, replace = false) {
  const wanted = link({ ...read(), ...part });
  if (wanted !== (location.hash || '#calls')) history[replace ? 'replaceState' : 'pushState'](null, '', wanted);
  dispatchEvent(new Event('statechange'));
}

/** Filters with `filter` in the place of any other on the same key and operator. */
export function withFilter(filters, filter) {
  return [...filters.filter((old) => old.key !== filter.key || old.operator !== filter.operator), filter];
}

/** Start and end of the range in ms: start is null for all time, end is null where the range goes on. */
export function span(state) {
  if (state.range === 'custom') return { start: Date.parse(state.from), end: Date.parse(state.to) };
  const [length] = RANGES[state.range];
  return { start: length === null ? null : Date.now() - length * 1000, end: null };
}

/** The API's parameters for the state's range, filters and search. */
export function criteria(state) {
  const { start, end } = span(state);
  const query = {};
  if (start !== null) query.start_date = new Date(start).toISOString();
  if (end !== null) query.end_date = new Date(end).toISOString();
  if (state.q) query.search = state.q;
  const filters = state.filters.map(({ key, operator, value }) => ({ key, operator, value: [typed(key, value)] }));
  if (filters.length) query.filters = JSON.stringify(filters);
  return query;
}

function parse(text) {
  const [key, operator, ...rest] = text.split(':');
  const value = rest.join(':');
  const known = Object.hasOwn(KEYS, key) && Object.hasOwn(OPERATORS, operator) && value !== '';
  return known && typed(key, value) !== null ? { key, operator, value } : null;
}

function typed(key, value) {
  const type = KEYS[key][1];
  if (type === 'text') return value;
  if (type === 'bool') return value === 'true' ? true : value === 'false' ? false : null;
  return Number.isFinite(Number(value)) ? Number(value) : null;
}
