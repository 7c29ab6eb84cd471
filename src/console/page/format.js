// Numbers and times for people. What is unknown is a dash, never 0.

export const UNKNOWN = '–';

const CLOCK = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' });
const SHORT = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' });
const DAY = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short' });
const FULL = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'long' });
const COUNT = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });
const COMPACT = new Intl.NumberFormat('en-US', { notation: 'compact', maximumSignificantDigits: 3 });

const known = (make) => (value) => (typeof value === 'number' && Number.isFinite(value) ? make(value) : UNKNOWN);

/** A whole number with all its digits. */
export const count = known((value) => COUNT.format(value));

/** A number of about three digits: 1.24M. */
export const short = known((value) => COMPACT.format(value));

/** US dollars; small amounts keep two digits that count. */
export const money = known((value) => {
  if (value === 0) return '$0';
  const size = Math.abs(value);
  const digits = size >= 0.1 ? 2 : Math.min(12, 1 - Math.floor(Math.log10(size)));
  const text = size >= 1000 ? COUNT.format(size) : size.toFixed(digits).replace(/(\.\d\d\d*?)0+$/, '$1');
  return `${value < 0 ? '−' : ''}$${text}`;
});

/** What a call cost; the API says 0 where nobody knows, but then no source either. */
export const costOf = ({ cost, cost_source: source, cached }) => (cost === 0 && source === null && !cached ? null : cost);

/** Milliseconds, in the unit that suits them. */
export const duration = known((ms) => {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(ms < 10_000 ? 2 : 1)} s`;
  return ms < 3_600_000 ? pair(ms / 1000, 'm', 's') : pair(ms / 60_000, 'h', 'm');
});

/** A setting in seconds, in the largest unit that has it whole. */
export const seconds = known((value) => {
  const whole = Math.round(value);
  const [size, unit] = [[86_400, 'd'], [3600, 'h'], [60, 'min']].find(([each]) => whole >= each && whole % each === 0) ?? [1, 's'];
  return `${count(whole / size)} ${unit}`;
});

/** A size. */
export const bytes = known((value) => {
  const power = value < 1024 ? 0 : Math.min(3, Math.floor(Math.log2(value) / 10));
  const number = value / 1024 ** power;
  return `${number.toFixed(power && number < 100 ? 1 : 0).replace(/\.0$/, '')} ${['B', 'KiB', 'MiB', 'GiB'][power]}`;
});

/** A share, 0 to 1. */
export const percent = known((value) => `${(value * 100).toFixed(value > 0 && value < 0.0995 ? 1 : 0)} %`);

/** `part` of `whole`; null when there is no whole. */
export const share = (part, whole) => (whole > 0 ? part / whole : null);

/** The time of day, with the day when that is not today. */
export function clock(text) {
  const date = new Date(text);
  if (Number.isNaN(date.getTime())) return UNKNOWN;
  const today = date.toDateString() === new Date().toDateString();
  return today ? CLOCK.format(date) : `${DAY.format(date)}, ${CLOCK.format(date)}`;
}

/** Date and time with the zone. */
export function fullTime(text) {
  const date = new Date(text);
  return Number.isNaN(date.getTime()) ? UNKNOWN : FULL.format(date);
}

/** A time for the axis of a range that is `span` ms long. */
export function tick(ms, span) {
  const date = new Date(ms);
  if (span > 2 * 86_400_000) return DAY.format(date);
  return span < 300_000 ? CLOCK.format(date) : SHORT.format(date);
}

/** `3 calls`, `1 call`. */
export const plural = (number, one, many = `${one}s`) => `${count(number)} ${number === 1 ? one : many}`;

function pair(value, large, small) {
  const whole = Math.round(value);
  return `${Math.floor(whole / 60)} ${large} ${String(whole % 60).padStart(2, '0')} ${small}`;
}
