// Records as the gateway writes them: the same ones in every run, the newest a second ago.

import { BODIES } from './bodies.js';

const KINDS = [
  ['openai', 'gpt-5-mini', 'chat', 0.25, 2], ['openai', 'gpt-5-mini', 'chatStream', 0.25, 2], ['anthropic', 'claude-haiku-4-5', 'messages', 1, 5],
  ['anthropic', 'claude-haiku-4-5', 'messagesStream', 1, 5], ['google-ai-studio', 'gemini-2.5-flash', 'gemini', 0.3, 2.5],
  ['google-ai-studio', 'gemini-2.5-flash', 'geminiStream', 0.3, 2.5], ['openai', 'gpt-5', 'responses', 1.25, 10], ['groq', 'llama-3.3-70b-versatile', 'chat', 0.59, 0.79],
];
const TEAMS = ['search', 'support', 'billing', 'growth'];

/** Numbers from 0 to 1 that look random and are not. */
export function dice(seed) {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

export const id = (number) => `01a30000-${String(number % 10000).padStart(4, '0')}-7000-8000-${String(number).padStart(12, '0')}`;

/** One record; `change` has what is not ordinary about it. */
export function record(number, created, change = {}) {
  return {
    id: id(number), event_id: id(number), created_at: new Date(created).toISOString(), account_id: 'acme', gateway_id: 'my-gateway',
    provider: 'openai', model: 'gpt-5-mini', model_asked: 'gpt-5-mini', model_type: 'text', method: 'POST', path: 'v1/chat/completions',
    request_type: 'provider', stream: false, duration: 900, timings: { total: 900, latency: 420 }, status_code: 200, success: true, cached: false,
    outcome: 'answered', complete: true, tokens_in: 120, tokens_out: 44, cost: 0.000118, cost_source: 'prices', saved_cost: null, usage_metadata: {},
    metadata: null, step: 0, failed_attempts: [], feedback: null, score: null, authentication: false, authentication_name: null, custom_cost: false,
    user_agent: 'OpenAI/Python 2.9.0', request_size: 612, response_size: 1480, finish_reason: 'stop', error_type: null, error_code: null,
    upstream_request_id: 'req_8f2c', wholesale: false, byok: false, response_flags: 0, ...change,
  };
}

/** `count` records over `span` ms, newest first, and what was said in each. */
export function records(count, span, now = Date.now()) {
  const roll = dice(7);
  const made = [];
  for (let number = count; number > 0; number -= 1) made.push(...event(number, now - 1000 - (span * (count - number)) / count, roll));
  return made.slice(0, count);
}

function event(number, created, roll) {
  const [provider, model, kind, dear, dearer] = KINDS[Math.floor(roll() * KINDS.length)];
  const [tokensIn, tokensOut] = [Math.round(80 + roll() ** 3 * 9000), Math.round(20 + roll() ** 2 * 1400)];
  const latency = Math.round(180 + roll() ** 3 * 2600);
  const total = latency + Math.round(tokensOut * (3 + roll() * 9));
  const cost = (tokensIn * dear + tokensOut * dearer) / 1e6;
  const base = {
    provider, model, model_asked: model, path: BODIES[kind].path, kind, stream: kind.endsWith('Stream'), duration: total, timings: { total, latency }, tokens_in: tokensIn, tokens_out: tokensOut, cost,
    metadata: roll() < 0.8 ? { team: TEAMS[Math.floor(roll() ** 2 * 4)], user: `u-${Math.floor(roll() * 900)}` } : null, gateway_id: roll() < 0.75 ? 'my-gateway' : 'team-a',
  };
  const luck = roll();
  if (luck < 0.18) return [record(number, created, { ...base, cached: true, outcome: 'cached', duration: 3, timings: { total: 3, latency: 2 }, tokens_in: 0, tokens_out: 0, cost: 0, saved_cost: cost })];
  if (luck < 0.22) return [record(number, created, { ...base, kind: 'refused', status_code: 429, success: false, outcome: 'refused', error_code: 2003, duration: 1, timings: { total: 1, latency: null }, tokens_in: null, tokens_out: null, cost: null, finish_reason: null })];
  if (luck < 0.25) return [record(number, created, { ...base, outcome: 'cut', complete: false, success: false, cost: null, tokens_out: null, finish_reason: null })];
  if (luck < 0.27) return [record(number, created, { ...base, outcome: 'client_gone', complete: false, status_code: 499, success: false, tokens_in: null, tokens_out: null, cost: null })];
  if (luck < 0.3) return [record(number, created, { ...base, failed_attempts: [{ status_code: 503, after: 240 }, { status_code: null, after: 1240 }], duration: total + 1400, timings: { total: total + 1400, latency: latency + 1400 } })];
  if (luck > 0.97) {
    const first = { ...base, provider: 'openai', model: 'gpt-5', kind: 'error', status_code: 429, success: false, error_type: 'insufficient_quota', duration: 310, timings: { total: 310, latency: 300 }, tokens_in: null, tokens_out: null, cost: null };
    return [record(number, created + 320, { ...base, step: 1, event_id: id(number) }), record(number + 5_000_000, created, { ...first, event_id: id(number), failed_attempts: [{ status_code: 429, after: 140 }] })];
  }
  return [record(number, created, base)];
}
