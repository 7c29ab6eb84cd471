// Requests and answers as turns of a conversation: `{role, parts, end}`, whichever API they belong to. A part is
// `{kind, text, name}`: `text`, `thinking`, `refusal`, `call`, `result`, `image`, `file` or `data`.

const PARAMETERS = ['model', 'stream', 'max_tokens', 'max_completion_tokens', 'max_output_tokens', 'temperature', 'top_p', 'top_k',
  'reasoning_effort', 'service_tier', 'tool_choice', 'seed', 'n', 'previous_response_id', 'maxOutputTokens', 'topP', 'topK'];

/** The turns of a request; null when it is none of the forms known. */
export function asked(body) {
  if (!isObject(body)) return null;
  const turns = [];
  const system = body.system ?? body.instructions ?? body.systemInstruction ?? body.system_instruction;
  if (system) turns.push({ role: 'system', parts: parts(system.parts ?? system) });
  if (Array.isArray(body.messages)) turns.push(...body.messages.map(message));
  else if (Array.isArray(body.contents)) turns.push(...body.contents.map(message));
  else if (Array.isArray(body.input)) turns.push(...body.input.map(item));
  else if (typeof (body.input ?? body.prompt) === 'string') turns.push({ role: 'user', parts: parts(body.input ?? body.prompt) });
  return turns.length ? turns : null;
}

/** The turns of an answer; null likewise. */
export function answered(body) {
  if (!isObject(body)) return null;
  const turns = [];
  for (const choice of objects(body.choices)) {
    const turn = choice.text === undefined ? message(choice.message) : { role: 'assistant', parts: parts(choice.text) };
    turns.push({ ...turn, end: choice.finish_reason });
  }
  for (const candidate of objects(body.candidates)) turns.push({ ...message(candidate.content), end: candidate.finishReason });
  if (Array.isArray(body.output)) turns.push(...body.output.map(item));
  if (body.role && Array.isArray(body.content)) turns.push({ ...message(body), end: body.stop_reason });
  if (isObject(body.message)) turns.push({ ...message(body.message), end: body.finish_reason ?? body.done_reason });
  if (isObject(body.output?.message)) turns.push({ ...message(body.output.message), end: body.stopReason });
  for (const turn of turns) if (turn.role === 'user') turn.role = 'assistant';
  turns.push(...failures(body));
  return turns.length ? turns : null;
}

/** Settings of a request that are worth a glance: pairs of name and text. */
export function settings(body) {
  if (!isObject(body)) return [];
  const given = { ...body, ...(isObject(body.generationConfig) ? body.generationConfig : {}) };
  const pairs = PARAMETERS.filter((name) => given[name] !== undefined && given[name] !== null).map((name) => [name, textOf(given[name])]);
  const tools = objects(given.tools).flatMap((tool) => tool.functionDeclarations ?? tool.function ?? tool);
  if (tools.length) pairs.push([tools.length === 1 ? 'tool' : `${tools.length} tools`, tools.map((tool) => textOf(tool?.name ?? tool?.type)).join(', ')]);
  return pairs;
}

/** A text whatever it is. */
export const textOf = (value) => (typeof value === 'string' ? value : JSON.stringify(value) ?? '');

function failures(body) {
  const told = body.error ? [body.error] : body.success === false ? objects(body.errors ?? body.error) : [];
  return told.map((error) => ({ role: 'error', parts: [{ kind: 'text', text: textOf(error.message ?? error) }], end: error.type ?? error.code }));
}

function message(given) {
  const turn = isObject(given) ? given : { content: given };
  const role = turn.role === 'model' ? 'assistant' : textOf(turn.role ?? 'user');
  const found = [];
  const reasoning = turn.reasoning_content ?? turn.reasoning;
  if (typeof reasoning === 'string' && reasoning) found.push({ kind: 'thinking', text: reasoning });
  const said = parts(turn.parts ?? turn.content);
  if (role === 'tool' && turn.tool_call_id) found.push({ kind: 'result', name: textOf(turn.tool_call_id), text: plain(said) });
  else found.push(...said);
  if (turn.refusal) found.push({ kind: 'refusal', text: textOf(turn.refusal) });
  for (const call of objects(turn.tool_calls)) found.push(toolCall(call.function?.name ?? call.type, call.function?.arguments));
  if (isObject(turn.function_call)) found.push(toolCall(turn.function_call.name, turn.function_call.arguments));
  return { role, parts: found };
}

/** An item of OpenAI's Responses: a message, or what a model did. */
function item(given) {
  if (!isObject(given)) return { role: 'user', parts: parts(given) };
  switch (given.type) {
    case 'function_call':
    case 'custom_tool_call':
      return { role: 'assistant', parts: [toolCall(given.name, given.arguments ?? given.input)] };
    case 'function_call_output':
    case 'custom_tool_call_output':
      return { role: 'tool', parts: [{ kind: 'result', name: textOf(given.call_id), text: plain(parts(given.output)) }] };
    case 'reasoning': {
      const text = plain(parts([...(given.summary ?? []), ...(given.content ?? [])]));
      return { role: 'assistant', parts: [{ kind: 'thinking', text: text || '(encrypted)' }] };
    }
    case undefined:
    case 'message':
      return { ...message(given), end: given.status === 'completed' ? undefined : given.status };
    default:
      return { role: 'assistant', parts: [{ kind: 'data', name: textOf(given.type), text: pretty(given) }] };
  }
}

function parts(content) {
  if (content === null || content === undefined || content === '') return [];
  if (!Array.isArray(content)) return [part(content)];
  return content.map(part);
}

function part(given) {
  if (!isObject(given)) return { kind: 'text', text: textOf(given) };
  switch (given.type) {
    case 'thinking':
      return { kind: 'thinking', text: textOf(given.thinking) };
    case 'redacted_thinking':
      return { kind: 'thinking', text: '(encrypted)' };
    case 'refusal':
      return { kind: 'refusal', text: textOf(given.refusal ?? given.text) };
    case 'tool_use':
    case 'server_tool_use':
      return toolCall(given.name, given.input);
    case 'tool_result':
      return { kind: 'result', name: textOf(given.tool_use_id), text: plain(parts(given.content)), failed: given.is_error === true };
    case 'image_url':
    case 'input_image':
      return { kind: 'image', text: textOf(given.image_url?.url ?? given.image_url) };
    case 'image':
      return picture(given.source ?? {});
    default:
      return untyped(given);
  }
}

/** Gemini's parts have no type, nor have Bedrock's. */
function untyped(given) {
  const inline = given.inlineData ?? given.inline_data;
  if (inline) return picture({ media_type: inline.mimeType ?? inline.mime_type, data: inline.data });
  const call = given.functionCall ?? given.toolUse;
  if (call) return toolCall(call.name, call.args ?? call.input);
  if (given.functionResponse) return { kind: 'result', name: textOf(given.functionResponse.name), text: pretty(given.functionResponse.response) };
  if (typeof given.text === 'string') return { kind: given.thought === true ? 'thinking' : 'text', text: given.text };
  const file = given.file ?? given.fileData ?? given.source ?? given.input_audio;
  if (isObject(file)) return { kind: 'file', text: textOf(file.filename ?? file.fileUri ?? file.media_type ?? file.format ?? given.type) };
  return { kind: 'data', name: textOf(given.type ?? ''), text: pretty(given) };
}

function picture({ media_type: type, data, url }) {
  return typeof data === 'string' ? { kind: 'image', text: `data:${textOf(type)};base64,${data}` } : { kind: 'image', text: textOf(url) };
}

function toolCall(name, input) {
  return { kind: 'call', name: textOf(name ?? '?'), text: pretty(input ?? '') };
}

/** JSON with indents, also when it comes as text. */
export function pretty(value) {
  if (typeof value !== 'string') return JSON.stringify(value, null, 2) ?? '';
  try {
    return JSON.stringify(JSON.parse(value), null, 2);
  } catch {
    return value;
  }
}

const plain = (list) => list.map((each) => each.text).join('\n');
const isObject = (value) => value !== null && typeof value === 'object' && !Array.isArray(value);
const objects = (value) => (Array.isArray(value) ? value.filter(isObject) : []);
