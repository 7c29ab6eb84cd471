// The control API. A call that is turned away asks for the credential and is made again.

const base = (account) => `/client/v4/accounts/${encodeURIComponent(account)}/ai-gateway`;
/** Every account. */
const ALL = '_';
const MOST_GATEWAYS = 100;
const KEPT = 'sluice-credential';

let asking = null;
const begun = new Map();

/** An answer that is not what was asked for; `message` is for people. */
export class ApiError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/** Whether a credential is kept. */
export const signedIn = () => sessionStorage.getItem(KEPT) !== null;

/** Forgets the credential. */
export const signOut = () => sessionStorage.removeItem(KEPT);

/** How full the limits of a gateway are; each account of a gateway for all of them has a log of its own. */
export const limits = ({ id, account_id: account }, signal) => json(`${at(id)}/limits`, { account: account ?? ALL, signal });
export const calls = (gateway, query, signal) => json(`${at(gateway)}/logs`, { query, signal });
export const call = (gateway, id, signal) => json(`${at(gateway)}/logs/${encodeURIComponent(id)}`, { signal });
export const patch = (gateway, id, body) => json(`${at(gateway)}/logs/${encodeURIComponent(id)}`, { method: 'PATCH', body });

/** Every gateway, page by page. */
export async function gateways(signal) {
  const found = [];
  for (let page = 1; ; page += 1) {
    const { result, result_info: info } = await json('/gateways', { query: { page, per_page: MOST_GATEWAYS }, signal });
    found.push(...result);
    if (!result.length || found.length >= info.total_count) return { result: found };
  }
}

/** Sums over the range of `query`; without a start from the oldest call on, up to now unless it says when. */
export async function analytics(gateway, query, signal) {
  const wanted = { end_date: new Date().toISOString(), ...query };
  if (!wanted.start_date) {
    const hourAgo = new Date(Date.parse(wanted.end_date) - 3_600_000).toISOString();
    const oldest = await beginning(gateway, signal);
    wanted.start_date = oldest < hourAgo ? oldest : hourAgo;
  }
  return json(`${at(gateway)}/analytics`, { query: wanted, signal });
}

/** A body as it was recorded; null when it was not. */
export async function payload(gateway, id, which, signal) {
  const response = await send(`${at(gateway)}/logs/${encodeURIComponent(id)}/${which}`, { signal });
  if (response.status === 404) return null;
  await check(response);
  return response.text();
}

/** All that matches, as a file: the server gives it in parts. */
export async function exported(gateway, query, format) {
  const parts = [];
  for (let cursor = ''; cursor !== null;) {
    const response = await send(`${at(gateway)}/logs`, { query: { ...query, format, ...(cursor && { cursor }) } });
    await check(response);
    parts.push(await response.blob());
    cursor = response.headers.get('x-sluice-next');
  }
  return new Blob(parts, { type: parts[0].type });
}

// When the oldest call came. It may be deleted later, but an older one never comes.
async function beginning(gateway, signal) {
  if (!begun.has(gateway)) {
    const { result: [oldest] } = await calls(gateway, { per_page: 1, order_by: 'created_at', order_by_direction: 'asc' }, signal);
    if (oldest) begun.set(gateway, oldest.created_at);
  }
  return begun.get(gateway);
}

const at = (gateway) => `/gateways/${encodeURIComponent(gateway)}`;

async function json(path, options) {
  const response = await send(path, options);
  await check(response);
  return response.json();
}

async function check(response) {
  if (response.ok) return;
  const text = await response.text();
  let message = text.slice(0, 300);
  try {
    message = JSON.parse(text).errors.map((error) => error.message).join('; ');
  } catch { /* no envelope: the text itself is the best there is */ }
  throw new ApiError(response.status, message || `The server answered ${response.status}.`);
}

async function send(path, { account = ALL, method = 'GET', query = {}, body, signal } = {}) {
  const url = `${base(account)}${path}?${new URLSearchParams(query)}`.replace(/\?$/, '');
  for (;;) {
    const secret = sessionStorage.getItem(KEPT);
    const headers = secret === null ? {} : { authorization: `Bearer ${secret}` };
    if (body) headers['content-type'] = 'application/json';
    const response = await fetch(url, { method, headers, body: body && JSON.stringify(body), signal, cache: 'no-store' }).catch((error) => {
      signal?.throwIfAborted();
      throw new ApiError(0, `The console does not answer (${error.message}). Trying again.`);
    });
    if (response.status !== 401) return response;
    // Another call may have been given a new one meanwhile.
    if (sessionStorage.getItem(KEPT) === secret) await (asking ??= ask(secret !== null).finally(() => { asking = null; }));
    signal?.throwIfAborted();
  }
}

function ask(refused) {
  const dialog = document.getElementById('ask');
  const field = document.getElementById('secret');
  const why = document.getElementById('ask-why');
  if (refused) why.textContent = 'That credential was refused. Try another one.';
  field.setAttribute('aria-invalid', String(refused));
  field.value = '';
  return new Promise((resolve) => {
    // Without a credential there is nothing to show: Escape only asks again.
    dialog.oncancel = (event) => event.preventDefault();
    dialog.onclose = () => {
      if (!field.value) return dialog.showModal();
      sessionStorage.setItem(KEPT, field.value);
      field.value = '';
      dispatchEvent(new Event('signedin'));
      return resolve();
    };
    dialog.showModal();
  });
}
