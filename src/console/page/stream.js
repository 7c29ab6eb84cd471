// Streams, put together to the body that the same answer would have had unstreamed.

/** Whether a text looks like server-sent events. */
export const isEvents = (text) => /^\uFEFF?\s*(?:data|event|id|retry)?:/.test(text);

/** The JSON of a body of any kind: whole, cut, a list of parts, or a stream; null when it is none. */
export function bodyOf(text) {
  if (isEvents(text)) return assembled(events(text));
  const body = whole(text) ?? mended(text);
  return Array.isArray(body) && body.some((part) => part?.candidates) ? assembled(body) : body;
}

/** The data of a stream's events that are whole JSON. */
export function events(text) {
  const found = [];
  let data = [];
  for (const line of [...text.replace(/^\uFEFF/, '').split(/\r\n|\n|\r/), '']) {
    if (line.startsWith('data:')) data.push(line.slice(line[5] === ' ' ? 6 : 5));
    if (line !== '' || data.length === 0) continue;
    const event = whole(data.join('\n'));
    if (event !== null && typeof event === 'object') found.push(event);
    data = [];
  }
  return found;
}

function assembled(list) {
  const body = {};
  for (const event of list) {
    if (event.error) body.error = event.error;
    if (Array.isArray(event.choices)) chat(body, event);
    else if (Array.isArray(event.candidates) || event.usageMetadata) gemini(body, event);
    else if (typeof event.type !== 'string') continue;
    else if (event.type.startsWith('response.')) responses(body, event);
    else if (/^(message|content_block)_/.test(event.type)) anthropic(body, event);
  }
  return Object.keys(body).length ? body : null;
}

function chat(body, event) {
  body.choices ??= [];
  if (event.usage) body.usage = event.usage;
  for (const { index = 0, delta, text, finish_reason: reason } of event.choices.map(object)) {
    const choice = slot(body.choices, index, () => ({ message: { role: 'assistant' } }));
    if (!choice) continue;
    if (typeof text === 'string') choice.text = (choice.text ?? '') + text;
    for (const name of ['content', 'reasoning_content', 'reasoning', 'refusal']) {
      if (typeof delta?.[name] === 'string') choice.message[name] = (choice.message[name] ?? '') + delta[name];
    }
    for (const piece of list(delta?.tool_calls)) toolCall((choice.message.tool_calls ??= []), piece);
    if (reason) choice.finish_reason = reason;
  }
}

function toolCall(calls, piece) {
  const call = slot(calls, piece.index ?? calls.length, () => ({ function: { name: '', arguments: '' } }));
  if (!call) return;
  if (piece.id) call.id = piece.id;
  call.function.name += piece.function?.name ?? '';
  call.function.arguments += piece.function?.arguments ?? '';
}

function anthropic(body, event) {
  if (event.type === 'message_start') Object.assign(body, object(event.message), { content: [] });
  body.content ??= [];
  if (event.type === 'content_block_start') slot(body.content, event.index, () => ({ ...object(event.content_block) }));
  if (event.type === 'message_delta') Object.assign(body, object(event.delta));
  const block = slot(body.content, event.index);
  if (event.type !== 'content_block_delta' || !block) return;
  const { type, text, thinking, partial_json: json } = object(event.delta);
  if (type === 'text_delta') block.text = (block.text ?? '') + text;
  if (type === 'thinking_delta') block.thinking = (block.thinking ?? '') + thinking;
  if (type === 'input_json_delta') block.input = (typeof block.input === 'string' ? block.input : '') + json;
}

function responses(body, event) {
  // The last event has everything; what comes before matters when the stream was cut.
  if (/\.(?:completed|incomplete|failed)$/.test(event.type) && event.response) return Object.assign(body, event.response);
  Object.assign(body, { object: 'response', output: Array.isArray(body.output) ? body.output : [] });
  const { output_index: index, item, delta = '' } = event;
  if (event.type === 'response.output_item.added') slot(body.output, index, () => ({ ...object(item) }));
  if (event.type === 'response.output_item.done') Object.assign(slot(body.output, index, () => ({})) ?? {}, object(item));
  const target = slot(body.output, index);
  if (!target) return body;
  if (event.type === 'response.function_call_arguments.delta') target.arguments = (target.arguments ?? '') + delta;
  if (/\.(?:output_text|refusal)\.delta$/.test(event.type)) more((target.content ||= []), event.content_index, 'output_text', delta);
  if (/reasoning\w*\.delta$/.test(event.type)) more((target.summary ||= []), event.summary_index, 'summary_text', delta);
  return body;
}

function more(parts, index = 0, type, delta) {
  const part = slot(parts, index, () => ({ type, text: '' }));
  if (part) part.text += delta;
}

function gemini(body, event) {
  body.candidates ??= [];
  for (const { index = 0, content, finishReason } of list(event.candidates)) {
    const candidate = slot(body.candidates, index, () => ({ content: { role: 'model', parts: [] } }));
    if (!candidate) continue;
    const { parts } = candidate.content;
    for (const part of list(content?.parts)) {
      const last = parts.at(-1);
      const joins = typeof part.text === 'string' && typeof last?.text === 'string' && !part.thought === !last.thought;
      if (joins) last.text += part.text;
      else parts.push({ ...part });
    }
    if (finishReason) candidate.finishReason = finishReason;
  }
}

/** The element at `index`, made when it is not there; null for an index that no honest stream has. */
function slot(array, index, make = () => null) {
  if (!Number.isInteger(index) || index < 0 || index > 4096) return null;
  return (array[index] ??= make());
}

function whole(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** What a beginning of JSON says: open strings, lists and objects are closed where it was cut. */
function mended(text) {
  const open = [];
  let [quoted, comma] = [false, null];
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at];
    if (quoted && character === '\\') at += 1;
    else if (character === '"') quoted = !quoted;
    else if (quoted) continue;
    else if (character === '{') open.push('}');
    else if (character === '[') open.push(']');
    else if (character === '}' || character === ']') open.pop();
    else if (character === ',') comma = [at, [...open]];
  }
  if (open.length === 0 || open.length > 64) return null;
  const close = (stack) => stack.toReversed().join('');
  const head = quoted ? `${text.replace(/\\(?:u[0-9a-f]{0,3})?$/i, '')}"` : text;
  return whole(head + close(open)) ?? (comma && whole(text.slice(0, comma[0]) + close(comma[1])));
}

const object = (value) => (value !== null && typeof value === 'object' ? value : {});
const list = (value) => (Array.isArray(value) ? value.map(object) : []);
