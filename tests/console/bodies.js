// Requests and answers of each API, whole and as streams.

const sse = (events, named) => events.map((event) => `${named ? `event: ${event.type}\n` : ''}data: ${typeof event === 'string' ? event : JSON.stringify(event)}\n\n`).join('');
const PIXEL = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
const QUESTION = 'Which region had the most failed payments last night?';
const ANSWER = 'Frankfurt: 41 of 52 failures, all of them card timeouts between 02:10 and 02:24.\n\n```sql\nselect region, count(*) from payments where state = \'failed\' group by 1;\n```\nShall I open an incident?';
const TOOL = { type: 'function', function: { name: 'query_payments', parameters: {} } };
const halves = [ANSWER.slice(0, 30), ANSWER.slice(30)];

/** By name: what was asked, and what was answered, as texts. */
export const BODIES = {
  chat: {
    path: 'v1/chat/completions',
    request: { model: 'gpt-5-mini', temperature: 0.2, max_completion_tokens: 512, tools: [TOOL], messages: [
      { role: 'system', content: 'You are the on-call assistant. Be brief.' },
      { role: 'user', content: [{ type: 'text', text: QUESTION }, { type: 'image_url', image_url: { url: `data:image/png;base64,${PIXEL}` } }] },
      { role: 'assistant', content: null, tool_calls: [{ id: 'call_1', type: 'function', function: { name: 'query_payments', arguments: '{"since":"22:00","group_by":"region"}' } }] },
      { role: 'tool', tool_call_id: 'call_1', content: '[{"region":"fra","failed":41},{"region":"dub","failed":11}]' },
    ] },
    response: { id: 'chatcmpl-1', object: 'chat.completion', model: 'gpt-5-mini', choices: [{ index: 0, message: { role: 'assistant', content: ANSWER }, finish_reason: 'stop' }], usage: { prompt_tokens: 120, completion_tokens: 44, total_tokens: 164 } },
  },
  chatStream: {
    path: 'v1/chat/completions',
    request: { model: 'gpt-5-mini', stream: true, messages: [{ role: 'user', content: QUESTION }] },
    response: sse([
      { choices: [{ index: 0, delta: { role: 'assistant', content: '' } }] },
      ...halves.map((content) => ({ choices: [{ index: 0, delta: { content } }] })),
      { choices: [{ index: 0, delta: { tool_calls: [{ index: 0, id: 'call_9', function: { name: 'open_incident', arguments: '{"reg' } }] } }] },
      { choices: [{ index: 0, delta: { tool_calls: [{ index: 0, function: { arguments: 'ion":"fra"}' } }] } }] },
      { choices: [{ index: 0, delta: {}, finish_reason: 'tool_calls' }] },
      { choices: [], usage: { prompt_tokens: 12, completion_tokens: 44 } },
      '[DONE]',
    ]),
  },
  responses: {
    path: 'v1/responses',
    request: { model: 'gpt-5', instructions: 'Be brief.', input: [{ role: 'user', content: [{ type: 'input_text', text: QUESTION }] }, { type: 'function_call', call_id: 'c1', name: 'query_payments', arguments: '{}' }, { type: 'function_call_output', call_id: 'c1', output: '41 in fra' }] },
    response: { object: 'response', status: 'completed', model: 'gpt-5', output: [{ type: 'reasoning', summary: [{ type: 'summary_text', text: 'Group by region first.' }] }, { type: 'message', role: 'assistant', status: 'completed', content: [{ type: 'output_text', text: ANSWER }] }] },
  },
  responsesStream: {
    path: 'v1/responses',
    request: { model: 'gpt-5', stream: true, input: QUESTION },
    // Cut: the event that would have everything never came.
    response: sse([
      { type: 'response.created', response: { object: 'response', output: [] } },
      { type: 'response.output_item.added', output_index: 0, item: { type: 'message', role: 'assistant', content: [] } },
      ...halves.map((delta) => ({ type: 'response.output_text.delta', output_index: 0, content_index: 0, delta })),
      { type: 'response.output_item.added', output_index: 1, item: { type: 'function_call', name: 'open_incident', arguments: '' } },
      { type: 'response.function_call_arguments.delta', output_index: 1, delta: '{"region":"fra"}' },
    ], true),
  },
  messages: {
    path: 'v1/messages',
    request: { model: 'claude-haiku-4-5', max_tokens: 512, system: [{ type: 'text', text: 'Be brief.' }], messages: [
      { role: 'user', content: QUESTION },
      { role: 'assistant', content: [{ type: 'tool_use', id: 'toolu_1', name: 'query_payments', input: { since: '22:00' } }] },
      { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'toolu_1', content: [{ type: 'text', text: '41 in fra' }] }] },
    ] },
    response: { type: 'message', role: 'assistant', model: 'claude-haiku-4-5', content: [{ type: 'thinking', thinking: 'Group by region first.' }, { type: 'text', text: ANSWER }], stop_reason: 'end_turn' },
  },
  messagesStream: {
    path: 'v1/messages',
    request: { model: 'claude-haiku-4-5', max_tokens: 512, stream: true, messages: [{ role: 'user', content: QUESTION }] },
    response: sse([
      { type: 'message_start', message: { type: 'message', role: 'assistant', content: [], usage: { input_tokens: 12 } } },
      { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } },
      { type: 'ping' },
      ...halves.map((text) => ({ type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text } })),
      { type: 'content_block_start', index: 1, content_block: { type: 'tool_use', name: 'open_incident', input: {} } },
      { type: 'content_block_delta', index: 1, delta: { type: 'input_json_delta', partial_json: '{"region":' } },
      { type: 'content_block_delta', index: 1, delta: { type: 'input_json_delta', partial_json: '"fra"}' } },
      { type: 'message_delta', delta: { stop_reason: 'tool_use' }, usage: { output_tokens: 44 } },
      { type: 'message_stop' },
    ], true).replaceAll('\n', '\r\n'),
  },
  gemini: {
    path: 'v1beta/models/gemini-2.5-flash:generateContent',
    request: { systemInstruction: { parts: [{ text: 'Be brief.' }] }, contents: [{ role: 'user', parts: [{ text: QUESTION }, { inlineData: { mimeType: 'image/png', data: PIXEL } }] }], generationConfig: { temperature: 0.2 }, tools: [{ functionDeclarations: [{ name: 'query_payments' }] }] },
    response: { candidates: [{ content: { role: 'model', parts: [{ text: ANSWER }, { functionCall: { name: 'open_incident', args: { region: 'fra' } } }] }, finishReason: 'STOP' }], usageMetadata: {} },
  },
  geminiStream: {
    path: 'v1beta/models/gemini-2.5-flash:streamGenerateContent',
    request: { contents: [{ parts: [{ text: QUESTION }] }] },
    response: sse([{ candidates: [{ content: { role: 'model', parts: [{ text: 'Group by region.', thought: true }] } }] }, ...halves.map((text, at) => ({ candidates: [{ content: { role: 'model', parts: [{ text }] }, ...(at && { finishReason: 'STOP' }) }] }))]).replaceAll('\n', '\r\n'),
  },
  geminiArray: {
    path: 'v1beta/models/gemini-2.5-flash:streamGenerateContent',
    request: { contents: [{ parts: [{ text: QUESTION }] }] },
    response: halves.map((text) => ({ candidates: [{ content: { role: 'model', parts: [{ text }] } }] })),
  },
  error: {
    path: 'v1/chat/completions',
    request: { model: 'gpt-5', messages: [{ role: 'user', content: QUESTION }] },
    response: { error: { message: 'You exceeded your current quota.', type: 'insufficient_quota', code: 'insufficient_quota' } },
  },
  refused: {
    path: 'v1/chat/completions',
    request: { model: 'gpt-5', messages: [{ role: 'user', content: QUESTION }] },
    response: { success: false, result: [], messages: [], error: [{ code: 2003, message: 'Rate limited' }] },
  },
  other: { path: 'v1/rerank', request: { query: 'a', documents: ['b'] }, response: { results: [{ index: 0, relevance_score: 0.9 }] } },
};

export { ANSWER, QUESTION };

/** A body as the API hands it out. */
export const text = (body) => (typeof body === 'string' ? body : JSON.stringify(body));
