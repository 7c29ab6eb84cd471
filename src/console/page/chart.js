// Graphs over time, drawn as SVG. Each can be read by pointer, by arrow keys and as a table; a range can be picked.

import { announce, el, svg } from './dom.js';
import { fullTime, tick } from './format.js';

const WIDE = 1000;
const HIGH = 100;
const TICKS = 4;

/**
 * A graph: `series` are `{name, tone, values}` with a value or null per time; `kind` is `bars` (stacked) or `lines`;
 * `times` are where the buckets begin and `step` their length, ms; `pick(from, to)` gets a range that was chosen.
 */
export function chart({ label, kind, series, times, step, format, pick }) {
  const top = ceiling(highest(kind, series));
  if (!times.length || top === null) return el('div', { class: 'plot none' }, 'No data in this range');
  const drawing = svg('svg', { viewBox: `0 0 ${WIDE} ${HIGH}`, preserveAspectRatio: 'none', 'aria-hidden': 'true' },
    [0.5, 1].map((part) => svg('path', { class: 'grid', d: `M0 ${HIGH * (1 - part)}H${WIDE}` })),
    kind === 'bars' ? bars(series, top) : series.map((each) => line(each, top)));
  const scale = [1, 0.5].map((part) => el('span', { class: part === 1 ? 'ymax' : 'yhalf' }, format(top * part)));
  const span = step * times.length;
  const axis = Array.from({ length: TICKS }, (_, at) => el('span', null, tick(times[0] + (span * at) / (TICKS - 1), span)));
  const plot = el('div', { class: 'plot', tabindex: '0', role: 'group', 'aria-roledescription': 'graph', 'aria-label': `${label}. Arrow keys read it.` }, drawing, scale);
  follow(plot, { series, times, step, format, pick });
  return el('div', { class: 'chart' }, plot, el('div', { class: 'axis', 'aria-hidden': 'true' }, axis));
}

/** What the colours mean. */
export function legend(series) {
  return el('ul', { class: 'legend' }, series.map(({ name, tone }) => el('li', null, el('i', { class: tone }), name)));
}

/** The numbers of a graph, made when they are asked for. */
export function numbers({ label, series, times, format }) {
  const details = el('details', { class: 'numbers' }, el('summary', null, 'Numbers', el('span', { class: 'sr' }, ` of ${label}`)));
  details.addEventListener('toggle', () => {
    if (!details.open || details.children.length > 1) return;
    const head = el('tr', null, ['Time', ...series.map((each) => each.name)].map((name) => el('th', { scope: 'col' }, name)));
    const rows = times.map((time, at) => el('tr', null, el('th', { scope: 'row' }, fullTime(time)), series.map(({ values }) => el('td', { class: 'num' }, format(values[at])))));
    details.append(el('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': label }, el('table', null, el('thead', null, head), el('tbody', null, rows))));
  });
  return details;
}

function bars(series, top) {
  const length = series[0].values.length;
  const width = WIDE / length;
  const heights = new Array(length).fill(0);
  return series.flatMap(({ tone, values }) => values.map((value, at) => {
    if (!value) return null;
    const height = (value / top) * HIGH;
    heights[at] += height;
    return svg('rect', { class: tone, x: at * width + width * 0.12, y: HIGH - heights[at], width: width * 0.76, height });
  }));
}

function line({ tone, values }, top) {
  const width = WIDE / values.length;
  let [path, pen] = ['', 'M'];
  values.forEach((value, at) => {
    if (typeof value !== 'number') return void (pen = 'M');
    // A point between two gaps is a line without length, which its round ends show as a dot.
    path += `${pen}${((at + 0.5) * width).toFixed(1)} ${(HIGH - (value / top) * HIGH).toFixed(2)}${pen === 'M' ? 'h.01' : ''}`;
    pen = 'L';
  });
  return svg('path', { class: `line ${tone}`, d: path });
}

function highest(kind, series) {
  const sums = series[0].values.map((_, at) => series.map(({ values }) => values[at]).filter((value) => typeof value === 'number'));
  const found = sums.filter((values) => values.length).map((values) => (kind === 'bars' ? values.reduce((a, b) => a + b, 0) : Math.max(...values)));
  return found.length ? Math.max(...found) : null;
}

/** The next round number: 1, 2, 2.5 or 5 times a power of ten. */
function ceiling(value) {
  if (value === null || value <= 0) return value === null ? null : 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return power * [1, 2, 2.5, 5, 10].find((step) => step * power >= value * 0.9999);
}

function follow(plot, { series, times, step, format, pick }) {
  const tip = el('div', { class: 'tip', hidden: true, 'aria-hidden': 'true' });
  const band = el('div', { class: 'band', hidden: true });
  plot.append(band, tip);
  let [at, held] = [null, null];

  function show(index, loud) {
    at = Math.min(times.length - 1, Math.max(0, index));
    const [left, right] = held === null ? [at, at] : [Math.min(at, held), Math.max(at, held)];
    band.style.left = `${(left / times.length) * 100}%`;
    band.style.width = `${((right - left + 1) / times.length) * 100}%`;
    const values = series.map(({ name, values: all }) => [name, format(all[at])]);
    tip.replaceChildren(el('b', null, fullTime(times[at])), ...values.map(([name, value], index) => el('span', null, el('i', { class: series[index].tone }), `${name} `, el('b', null, value))));
    tip.classList.toggle('left', at > times.length / 2);
    tip.style[at > times.length / 2 ? 'right' : 'left'] = `${(at > times.length / 2 ? 1 - at / times.length : (at + 1) / times.length) * 100}%`;
    tip.style[at > times.length / 2 ? 'left' : 'right'] = 'auto';
    band.hidden = tip.hidden = false;
    if (loud) announce(`${fullTime(times[at])}: ${values.map((pair) => pair.join(' ')).join(', ')}`);
  }
  const hide = () => {
    [at, held] = [null, null];
    band.hidden = tip.hidden = true;
  };
  const index = (event) => {
    const box = plot.getBoundingClientRect();
    return Math.floor(((event.clientX - box.left) / box.width) * times.length);
  };
  const choose = () => {
    const [left, right] = [Math.min(at, held ?? at), Math.max(at, held ?? at)];
    hide();
    pick?.(times[left], times[right] + step);
  };
  plot.addEventListener('pointermove', (event) => show(index(event)));
  plot.addEventListener('pointerleave', hide);
  plot.addEventListener('blur', hide);
  plot.addEventListener('pointerdown', (event) => {
    if (!pick || event.pointerType === 'touch') return;
    held = index(event);
    plot.setPointerCapture(event.pointerId);
    event.preventDefault();
  });
  plot.addEventListener('pointerup', (event) => {
    if (held !== null && at !== null && event.pointerType !== 'touch') choose();
  });
  plot.addEventListener('keydown', (event) => {
    const target = { ArrowLeft: (at ?? times.length) - 1, ArrowRight: (at ?? -1) + 1, Home: 0, End: times.length - 1 }[event.key];
    if (target !== undefined) show(target, true);
    else if (event.key === 'Enter' && at !== null && pick) choose();
    else if (event.key === 'Escape' && at !== null) hide();
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
}
