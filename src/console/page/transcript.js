// A conversation on the page. Everything in it is a text node, and pictures are inline data of harmless types.

import { button, el } from './dom.js';
import { answered, asked, pretty, settings } from './conversation.js';
import { bodyOf } from './stream.js';
import { bytes, plural } from './format.js';

const ROLES = { user: 'User', assistant: 'Assistant', system: 'System', developer: 'Developer', tool: 'Tool', error: 'Error' };
const TITLES = { thinking: 'Thinking', refusal: 'Refusal', call: 'Tool call', result: 'Tool result', file: 'File', data: 'Other', image: 'Picture' };
const PICTURE = /^data:image\/(?:png|jpeg|gif|webp);base64,[A-Za-z0-9+/=\s]+$/;
const LONG = 1500;
const LONGEST = 100_000;
const LATEST = 6;

/** The conversation of one call; null when neither side can be read as one. */
export function transcript(request, response) {
  const [question, answer] = [request, response].map((text) => (text ? attempt(bodyOf, text) : null));
  const [before, after] = [attempt(asked, question), attempt(answered, answer)];
  if (!before && !after) return null;
  return el('div', { class: 'talk' },
    parameters(question),
    turns(before ?? [unreadable('request', request)]),
    el('h3', { class: 'divide' }, 'Answer'),
    turns(after ?? [unreadable('answer', response)]));
}

/** A body as it is: with indents when it is JSON. */
export function raw(text, name) {
  if (text === null || text === '') return el('p', { class: 'empty' }, text === null ? `The ${name} was not recorded.` : `The ${name} is empty.`);
  const copy = navigator.clipboard && button('Copy', async (event) => {
    await navigator.clipboard.writeText(text);
    event.target.textContent = 'Copied';
  }, { class: 'quiet' });
  return el('div', { class: 'raw' },
    el('div', { class: 'rawbar' }, el('span', null, bytes(new Blob([text]).size)), copy),
    cut(el('pre', { tabindex: '0', 'aria-label': name }), pretty(text), LONGEST));
}

// A body that looks familiar and then is not is shown raw.
function attempt(read, body) {
  try {
    return read(body);
  } catch {
    return null;
  }
}

function unreadable(name, text) {
  const what = text ? [{ kind: 'data', text: pretty(text) }] : [{ kind: 'note', text: text === '' ? `The ${name} is empty.` : `The ${name} was not recorded.` }];
  return { role: '', parts: what };
}

function parameters(body) {
  const pairs = settings(body);
  if (!pairs.length) return null;
  return el('ul', { class: 'chips', 'aria-label': 'Settings of the request' },
    pairs.map(([name, value]) => el('li', { class: 'chip', title: value }, el('b', null, name), ' ', el('bdi', null, value.slice(0, 80)))));
}

function turns(list) {
  const shown = el('ol', { class: 'turns' });
  const earlier = list.slice(0, -LATEST);
  shown.append(...list.slice(-LATEST).map(turn));
  if (!earlier.length) return shown;
  const more = button(`Show ${plural(earlier.length, 'earlier message')}`, () => {
    more.remove();
    shown.prepend(...earlier.map(turn));
    shown.firstElementChild.tabIndex = -1;
    shown.firstElementChild.focus();
  }, { class: 'quiet wide' });
  return [more, shown];
}

function turn({ role, parts, end }) {
  const known = Object.hasOwn(ROLES, role);
  return el('li', { class: `turn ${known ? role : 'other'}` },
    role !== '' && el('div', { class: 'role' }, known ? ROLES[role] : role, end && el('span', { class: 'end' }, String(end))),
    parts.length ? parts.map(part) : el('p', { class: 'empty' }, 'Empty'));
}

function part({ kind, text, name, failed }) {
  if (kind === 'text') return prose(text);
  if (kind === 'note') return el('p', { class: 'empty' }, text);
  if (kind === 'image' && PICTURE.test(text)) return el('img', { src: text, alt: 'Picture in the message' });
  const title = el('div', { class: 'kind' }, failed ? 'Tool error' : TITLES[kind], name && el('code', null, name));
  const body = kind === 'thinking' || kind === 'refusal' ? prose(text) : cut(el('pre'), text, LONG);
  return el('div', { class: `part ${kind}` }, title, text !== '' && text !== '""' && body);
}

/** Text, with fenced code set apart. */
function prose(text) {
  return text.split(/^```[^\n]*\n([\s\S]*?)^```[^\S\n]*$/m).map((piece, index) => {
    if (piece.trim() === '') return null;
    return cut(el(index % 2 ? 'pre' : 'p', { dir: 'auto', class: index % 2 ? null : 'prose' }), piece.replace(/^\n+|\n+$/g, ''), LONG);
  });
}

function cut(node, text, limit) {
  if (text.length <= limit * 1.2) {
    node.textContent = text;
    return node;
  }
  node.textContent = `${text.slice(0, limit)}…`;
  const more = button(`Show all ${bytes(text.length)}`, () => {
    node.textContent = text;
    more.remove();
    node.tabIndex = 0;
    node.focus();
  }, { class: 'quiet' });
  return [node, more];
}
