// Elements, made by DOM calls alone: text from calls is hostile, and can become text only.

const SVG = 'http://www.w3.org/2000/svg';

const ICONS = {
  close: 'M6 6l12 12M18 6L6 18',
  down: 'M17 4v10M3 13l4-9h7v11l-4 6-1.5-1 .5-5H4z',
  up: 'M7 20V10M21 11l-4 9h-7V9l4-6 1.5 1-.5 5h5z',
  more: 'M9 6l6 6-6 6',
  auto: 'M12 4a8 8 0 100 16zM12 4a8 8 0 010 16',
  light: 'M12 8a4 4 0 100 8 4 4 0 000-8zM12 2v2M12 20v2M2 12h2M20 12h2M5 5l1.4 1.4M17.6 17.6L19 19M5 19l1.4-1.4M17.6 6.4L19 5',
  dark: 'M20 14A8.5 8.5 0 019.5 4 8.5 8.5 0 1020 14z',
};

/** An HTML element. `on…` properties are listeners; null and false are left out; children are nodes or text. */
export function el(name, properties, ...children) {
  return fill(document.createElement(name), properties, children);
}

/** An SVG element, likewise. */
export function svg(name, properties, ...children) {
  return fill(document.createElementNS(SVG, name), properties, children);
}

/** A drawing that says nothing to a screen reader. */
export function icon(name) {
  return svg('svg', { viewBox: '0 0 24 24', class: 'glyph', 'aria-hidden': 'true' }, svg('path', { d: ICONS[name] }));
}

/** A button that shows its text. */
export function button(text, onclick, properties) {
  return el('button', { type: 'button', onclick, ...properties }, text);
}

/** Tells screen readers something that the eye sees anyway. */
export function announce(text) {
  document.getElementById('status').textContent = text;
}

/** Puts `wanted` into `parent` and moves only what must move, so that the focus stays where it is. */
export function arrange(parent, wanted) {
  const keep = new Set(wanted);
  for (const child of [...parent.children]) if (!keep.has(child)) child.remove();
  let next = parent.firstElementChild;
  for (const child of wanted) {
    if (child === next) next = next.nextElementSibling;
    else parent.insertBefore(child, next);
  }
}

/** Hands a file to the browser's downloads. */
export function download(blob, name) {
  const href = URL.createObjectURL(blob);
  el('a', { href, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(href), 10_000);
}

function fill(node, properties, children) {
  for (const [name, value] of Object.entries(properties ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith('on')) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? '' : value);
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}
