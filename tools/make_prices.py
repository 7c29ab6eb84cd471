#!/usr/bin/env python3
"""Makes data/prices.json from two MIT-licensed public data sets (see NOTICE): `make_prices.py FILE`, in the Python that
has them; `make prices` sees to that.

The output is the same for the same versions and date, which stand in prices.py, and has one model a line. genai-prices is the
primary source; litellm fills what it lacks. Of litellm only the JSON file is read, and nothing is run.
"""
import datetime as dt, functools, json, pathlib, re, sys
from importlib.metadata import distribution

from genai_prices import data as G, types as T

from prices import AS_OF as DAY, VERSIONS

AS_OF = dt.date.fromisoformat(DAY)

# ---------------------------------------------------------------- provider slugs
# slug -> (genai provider ids, litellm "litellm_provider" values, prefixes to strip from litellm keys)
SLUGS = {
    'openai':           (['openai'], ['openai', 'text-completion-openai'], ['openai/', 'text-completion-openai/']),
    'anthropic':        (['anthropic'], ['anthropic'], ['anthropic/']),
    'google-ai-studio': (['google'], ['gemini'], ['gemini/']),
    'google-vertex-ai': (['google'], ['vertex_ai', 'vertex_ai-language-models', 'vertex_ai-anthropic_models',
                         'vertex_ai-mistral_models', 'vertex_ai-llama_models', 'vertex_ai-embedding-models',
                         'vertex_ai-deepseek_models', 'vertex_ai-qwen_models', 'vertex_ai-openai_models',
                         'vertex_ai-zai_models', 'vertex_ai-ai21_models'], ['vertex_ai/']),
    'azure-openai':     (['azure'], ['azure', 'azure_text'], ['azure/', 'azure_text/']),
    'aws-bedrock':      (['aws'], ['bedrock', 'bedrock_converse'], ['bedrock_converse/', 'bedrock/']),
    'workers-ai':       (['cloudflare'], ['cloudflare'], ['cloudflare/']),
    'groq':             (['groq'], ['groq'], ['groq/']),
    'mistral':          (['mistral'], ['mistral', 'codestral', 'text-completion-codestral'], ['mistral/', 'codestral/']),
    'cohere':           (['cohere'], ['cohere', 'cohere_chat'], ['cohere/', 'cohere_chat/']),
    'deepseek':         (['deepseek'], ['deepseek'], ['deepseek/']),
    'grok':             (['x-ai'], ['xai'], ['xai/']),
    'perplexity-ai':    (['perplexity'], ['perplexity'], ['perplexity/']),
    'openrouter':       (['openrouter'], [], ['openrouter/']),
    'huggingface':      (['huggingface_cerebras', 'huggingface_fireworks-ai', 'huggingface_groq', 'huggingface_hyperbolic',
                          'huggingface_nebius', 'huggingface_novita', 'huggingface_nscale', 'huggingface_ovhcloud',
                          'huggingface_publicai', 'huggingface_sambanova', 'huggingface_together'], [], []),
    'cerebras':         (['cerebras'], ['cerebras'], ['cerebras/']),
    'fireworks':        (['fireworks'], ['fireworks_ai', 'fireworks_ai-embedding-models'], ['fireworks_ai/']),
    'together':         (['together'], ['together_ai'], ['together_ai/']),
    'replicate':        ([], ['replicate'], ['replicate/']),
    'baseten':          (['baseten'], ['baseten'], ['baseten/']),
    'elevenlabs':       (['elevenlabs'], ['elevenlabs'], ['elevenlabs/']),
    'deepgram':         ([], ['deepgram'], ['deepgram/']),
    'fal':              ([], ['fal_ai'], ['fal_ai/']),
    'parallel':         ([], ['parallel_ai'], ['parallel_ai/']),
    # 'cartesia', 'ideogram': neither source has prices -> custom cost only
}
FALLBACK = {'azure-openai': ['openai', 'anthropic', 'deepseek', 'grok'], 'google-vertex-ai': ['anthropic']}
MODES = {'chat', 'completion', 'responses', 'embedding', 'image_generation', 'image_edit', 'audio_transcription',
         'audio_speech', 'rerank', 'ocr', 'moderation', 'realtime', 'search', 'video_generation', 'decisions', None}

# ---------------------------------------------------------------- units
GENAI_KEYS = {
    'input_mtok': 'input', 'output_mtok': 'output', 'cache_read_mtok': 'cache_read', 'cache_write_mtok': 'cache_write',
    'cache_write_1h_mtok': 'cache_write_1h', 'output_reasoning_mtok': 'reasoning', 'output_citation_mtok': 'citation',
    'input_audio_mtok': 'audio_input', 'output_audio_mtok': 'audio_output', 'cache_audio_read_mtok': 'audio_cache_read',
    'input_image_mtok': 'image_input', 'output_image_mtok': 'image_output', 'cache_image_read_mtok': 'image_cache_read',
    'input_video_mtok': 'video_input', 'output_video_mtok': 'video_output',
    'web_searches_kcount': 'web_search_1k', 'storage_searches_kcount': 'file_search_1k', 'requests_kcount': 'request_1k',
    'rerank_searches_kcount': 'search_unit_1k', 'input_document_kpages': 'page_1k',
    'input_annotated_document_kpages': 'annotated_page_1k', 'input_mchars': 'char_1m', 'audio_hours': 'audio_hour',
    'input_audio_hours': 'audio_input_hour', 'output_audio_hours': 'audio_output_hour',
    'input_text_messages_kcount': 'text_message_1k', 'social_searches_kcount': 'social_search_1k',
    'code_executions_kcount': 'code_execution_1k',
}
LITELLM_KEYS = {  # name -> (our name, factor)
    'input_cost_per_token': ('input', 1e6), 'output_cost_per_token': ('output', 1e6),
    'cache_read_input_token_cost': ('cache_read', 1e6), 'cache_creation_input_token_cost': ('cache_write', 1e6),
    'cache_creation_input_token_cost_above_1hr': ('cache_write_1h', 1e6),
    'cache_creation_input_token_cost_above_12hr': ('cache_write_12h', 1e6),
    'output_cost_per_reasoning_token': ('reasoning', 1e6), 'citation_cost_per_token': ('citation', 1e6),
    'input_cost_per_audio_token': ('audio_input', 1e6), 'output_cost_per_audio_token': ('audio_output', 1e6),
    'cache_read_input_audio_token_cost': ('audio_cache_read', 1e6),
    'input_cost_per_image_token': ('image_input', 1e6), 'output_cost_per_image_token': ('image_output', 1e6),
    'cache_read_input_image_token_cost': ('image_cache_read', 1e6),
    'input_cost_per_video_token': ('video_input', 1e6), 'output_cost_per_video_token': ('video_output', 1e6),
    'input_cost_per_character': ('char_1m', 1e6), 'input_cost_per_query': ('search_unit_1k', 1e3),
    'input_cost_per_request': ('request_1k', 1e3), 'input_cost_per_image': ('image_input_each', 1),
    'output_cost_per_image': ('image_each', 1), 'output_cost_per_pixel': ('output_gpixel', 1e9),
    'input_cost_per_pixel': ('input_gpixel', 1e9), 'ocr_cost_per_page': ('page_1k', 1e3),
    'annotation_cost_per_page': ('annotated_page_1k', 1e3), 'input_cost_per_second': ('audio_input_hour', 3600),
    'output_cost_per_second': ('output_hour', 3600),
}
SUFFIX = re.compile(r'^(?P<base>.+?)(?:_above_(?P<k>\d+)k_tokens)?(?:_(?P<v>batches|flex|priority))?$')


# Rows whose price in litellm is the better one although genai-prices has the very name: aliases that have moved on.
MOVED = {'mistral': ['mistral-large-latest', 'magistral-medium-latest', 'magistral-small-latest', 'mistral-medium']}
# What neither source states: Groq charges ten seconds for a shorter request (console.groq.com/docs/speech-to-text).
ADDED = {('groq', 'whisper-large-v3'): {'audio_minimum_s': 10}, ('groq', 'whisper-large-v3-turbo'): {'audio_minimum_s': 10}}
# What Gemini up to 2.5 searches for one prompt is billed once (ai.google.dev/gemini-api/docs/pricing); of later models, each search.
SEARCHES_ONCE = re.compile(r'gemini-[12]\b')
# litellm states some things in two measures. An answer may state both, so only the left one is kept.
SAME_THING = [('audio_input', 'audio_input_hour'), ('audio_output', 'output_hour'), ('video_output', 'output_hour'),
              ('image_output', 'image_each'), ('output', 'image_each'), ('input', 'char_1m'), ('input', 'page_1k'),
              ('image_input', 'image_input_each'), ('output', 'image_input_each')]


def num(x):
    x = float(x)
    x = float(f'{x:.10g}')
    return int(x) if x == int(x) else x


# ---------------------------------------------------------------- matching: globs, '*' = any run, '#' = one digit
def rx_to_glob(rx):
    anchored_end = rx.endswith('$')
    body = rx.lstrip('^').rstrip('$')
    i = 0
    body = body.replace(r'\d{8}', '#' * 8).replace(r'\d{4}', '####').replace(r'\d{2}', '##').replace(r'\d', '#')
    pats = ['']
    while i < len(body):
        c = body[i]
        if c == '\\':
            pats = [p + body[i + 1] for p in pats]; i += 2
        elif c == '[':
            j = body.index(']', i); pats = [p + x for p in pats for x in body[i + 1:j]]; i = j + 1
        elif c == '(':
            j = body.index(')', i); grp = body[i + 1:j].replace('\\', ''); i = j + 1
            if body[i:i + 1] == '?':
                pats = pats + [p + grp for p in pats]; i += 1
            else:
                pats = [p + grp for p in pats]
        else:
            pats = [p + c for p in pats]; i += 1
    return [p + ('' if anchored_end else '*') for p in pats]


def clause(c):
    """-> (any-of globs, not globs)"""
    n = type(c).__name__
    if n == 'ClauseEquals': return [c.equals.lower()], []
    if n == 'ClauseStartsWith': return [c.starts_with.lower() + '*'], []
    if n == 'ClauseEndsWith': return ['*' + c.ends_with.lower()], []
    if n == 'ClauseContains': return ['*' + c.contains.lower() + '*'], []
    if n == 'ClauseRegex':
        if c.regex == '^(?!.*-[tT][tT][sS](?:$|-))': return [], ['*-tts', '*-tts-*']
        return rx_to_glob(c.regex.lower()), []
    any_, not_ = [], []
    for s in (c.or_ if n == 'ClauseOr' else c.and_):
        a, b = clause(s); any_ += a; not_ += b
    if n == 'ClauseAnd' and len(any_) != 1:   # "A and B" of two positive globs: only prefix+contains occurs; join them
        pre = [a for a in any_ if a.endswith('*') and not a.startswith('*')]
        rest = [a for a in any_ if a not in pre]
        any_ = [pre[0] + rest[0].lstrip('*')] if pre and rest else any_
    return any_, not_


@functools.lru_cache(None)
def glob_re(g):
    return re.compile('^' + ''.join('.*' if ch == '*' else r'\d' if ch == '#' else re.escape(ch) for ch in g) + '$')


@functools.lru_cache(None)
def literal_len(g):
    return sum(ch not in '*#' for ch in g) + sum(ch == '#' for ch in g) * 0.5


DATE = re.compile(r'[-@](20\d{6}|20\d\d-\d\d-\d\d)$')


def exact(models, ref):
    ref = ref.lower()
    return any(ref == m['id'].lower() or ref in m.get('match', []) for m in models)


def find(models, ref):
    """The matching rule, as reference code. models: list with id/match/not."""
    ref = ref.lower()
    for cand in (ref, re.sub(r'-(20\d\d)(\d\d)(\d\d)$', r'-\1-\2-\3', ref), DATE.sub('', ref)):
        best, score = None, -1
        for m in models:
            if any(glob_re(n).match(cand) for n in m.get('not', [])): continue
            for g in [m['id'].lower()] + m.get('match', []):
                if glob_re(g).match(cand):
                    s = literal_len(g) + (1000 if not set('*#') & set(g) else 0)
                    if s > score: best, score = m, s
        if best: return best
    return None


# ---------------------------------------------------------------- genai-prices -> rows
def flat(mp):
    """ModelPrice -> ({key: base}, {threshold: {key: price}})"""
    base, tiers = {}, {}
    for k, v in mp.__dict__.items():
        if v is None: continue
        name = GENAI_KEYS[k]
        if isinstance(v, T.TieredPrices):
            base[name] = num(v.base)
            for t in v.tiers: tiers.setdefault(t.start, {})[name] = num(t.price)
        else:
            base[name] = num(v)
    return base, tiers


def put(row, mp):
    base, tiers = flat(mp)
    row.update(base)
    if tiers: row['tiers'] = rising(tiers)
    return row


def rising(tiers):
    """{threshold: {key: price}} -> tiers in order, each with what the ones below it changed: the highest one counts alone"""
    rows, keys = [], {}
    for over, changed in sorted(tiers.items()):
        keys = {**keys, **changed}
        rows.append({'over': over, **keys})
    return rows


def variants_on(model, day):
    """The variants that hold on a day. Of those under the same terms the first that states a price counts."""
    found = {}
    for v in model.price_variants or []:
        assert v.constraint is None or isinstance(v.constraint, T.StartDateConstraint), (model.id, v)
        if v.constraint and v.constraint.start_date > day: continue
        (terms, value), = v.when.items()
        prices = found.setdefault(f'{terms}={value}', {})
        for key, price in v.prices.__dict__.items():
            if price is not None: prices.setdefault(key, price)
    return {terms: put({}, T.ModelPrice(**prices)) for terms, prices in found.items() if prices}


def prices_on(model, day):
    """The prices and variants that hold on a day, outside of the hours that have their own"""
    row = put({}, model.prices) if isinstance(model.prices, T.ModelPrice) else {}
    for c in model.prices if isinstance(model.prices, list) else []:
        if c.constraint is None or isinstance(c.constraint, T.StartDateConstraint) and c.constraint.start_date <= day:
            row = put({}, c.prices)
    variants = variants_on(model, day)
    return {**row, **({'variants': variants} if variants else {})}


def changes(model):
    """The days after AS_OF on which prices or variants of the model change"""
    conditions = (model.prices if isinstance(model.prices, list) else []) + (model.price_variants or [])
    starts = (c.constraint.start_date for c in conditions if isinstance(c.constraint, T.StartDateConstraint))
    return sorted({day for day in starts if day > AS_OF})


def from_genai(pid):
    prov = next(p for p in G.providers if p.id == pid)
    rows = []
    for m in prov.models:
        any_, not_ = clause(m.match)
        row = {'id': m.id}
        any_ = [a for a in dict.fromkeys(any_) if a != m.id.lower()]
        if any_: row['match'] = any_
        if not_: row['not'] = list(dict.fromkeys(not_))
        row.update(prices_on(m, AS_OF))
        later = [{'from': day.isoformat(), **prices_on(m, day)} for day in changes(m)]
        if later: row['later'] = later
        hours = [c for c in (m.prices if isinstance(m.prices, list) else []) if isinstance(c.constraint, T.TimeOfDateConstraint)]
        assert not (hours and later), f'{m.id}: which comes first, the hour or the day?'
        if hours: row['hours'] = [{'utc': [f'{t:%H:%M}' for t in (c.constraint.start_time, c.constraint.end_time)], **put({}, c.prices)}
                                  for c in hours]
        if m.context_window: row['context'] = m.context_window
        if m.deprecated: row['deprecated'] = True
        row['src'] = 'genai-prices'
        if not any(k in row for k in set(GENAI_KEYS.values()) | {'tiers', 'hours', 'later'}): row['free'] = True
        rows.append(row)
    return rows


# ---------------------------------------------------------------- litellm -> rows
def from_litellm(key, v, strip):
    mid = key
    for s in strip:
        if mid.startswith(s): mid = mid[len(s):]; break
    row, tiers, variants = {}, {}, {}
    for k, x in v.items():
        if not isinstance(x, (int, float)) or isinstance(x, bool): continue
        m = SUFFIX.match(k)
        if m['base'] not in LITELLM_KEYS: continue
        name, f = LITELLM_KEYS[m['base']]
        x = num(x * f)
        tgt = row
        if m['v']: tgt = variants.setdefault({'batches': 'processing=batch', 'flex': 'service_tier=flex', 'priority': 'service_tier=priority'}[m['v']], {})
        if m['k']:
            over = int(m['k']) * 1000
            if m['v']:
                ts = tgt.setdefault('tiers', [])
                t = next((t for t in ts if t['over'] == over), None) or ts.append({'over': over}) or ts[-1]
                t[name] = x
            else:
                tiers.setdefault(over, {})[name] = x
        else:
            tgt[name] = x
    s = v.get('search_context_cost_per_query')
    if isinstance(s, dict) and s.get('search_context_size_medium') is not None:
        lo, me, hi = (num(1000 * s.get(f'search_context_size_{n}', 0)) for n in ('low', 'medium', 'high'))
        row['web_search_1k'] = me
        if not lo == me == hi: row['web_search_1k_low'], row['web_search_1k_high'] = lo, hi
    if v.get('mode') not in ('audio_transcription', 'realtime', 'audio_speech', 'video_generation', 'chat', 'completion', 'responses', None):
        row.pop('output_hour', None)
    if v.get('mode') in ('image_generation', 'image_edit') and 'image_each' not in row and 'image_input_each' in row:
        row['image_each'] = row.pop('image_input_each')   # litellm's older spelling
    for name in [k for k in row if k.endswith('_hour')]:
        row[name] = num(round(row[name], 4))               # a price a minute, rounded to a second
    if row.get('audio_input_hour') and row.get('output_hour') == row.get('audio_input_hour'):
        row.pop('output_hour')            # litellm repeats the same per-second price on both sides; it is charged once
    if factor := v.get('provider_specific_entry', {}).get('us'): variants['inference_geo=us'] = {'token_factor': num(factor)}
    hours = []
    if off_peak := v.get('off_peak_pricing'):   # the row is the peak; here it is the exception. Weekends without a peak are not told.
        assert off_peak['windows'][0]['hours_utc'] == ['00:00-01:00', '04:00-06:00', '10:00-00:00'], mid
        peak = {name: row[name] for k, (name, _) in LITELLM_KEYS.items() if k in off_peak}
        row.update({name: num(off_peak[k] * f) for k, (name, f) in LITELLM_KEYS.items() if k in off_peak})
        hours = [{'utc': utc, **peak} for utc in (['01:00', '04:00'], ['06:00', '10:00'])]
    if row.get('reasoning') == row.get('output'): row.pop('reasoning', None)    # a variant changes the output's price alone
    for kept, dropped in SAME_THING:
        if row.get(kept): row.pop(dropped, None)
    for name in ('input_gpixel', 'output_gpixel'): row.pop(name, None)   # nobody states pixels
    row = {k: x for k, x in row.items() if x or k in ('input', 'output')}
    if not any(row.values()): return None
    out = {'id': mid, **row}
    if tiers: out['tiers'] = rising(tiers)
    if hours: out['hours'] = hours
    if variants: out['variants'] = variants
    c = v.get('max_input_tokens') or v.get('max_tokens')
    if isinstance(c, int): out['context'] = c
    if v.get('mode') and v['mode'] != 'chat': out['mode'] = v['mode']
    if v.get('deprecation_date'): out['deprecation_date'] = v['deprecation_date']
    out['src'] = 'litellm'
    return out


def main():
    found = {name: distribution(name).version for name in VERSIONS}
    if found != VERSIONS: sys.exit(f'this Python has {found}, wanted are {VERSIONS}')
    # Read as a file: importing litellm takes seconds and would look for newer prices.
    L = json.loads(distribution('litellm').locate_file('litellm/model_prices_and_context_window_backup.json').read_text())
    L.pop('sample_spec', None)
    providers = {}
    for slug, (gids, lprovs, strip) in SLUGS.items():
        rows = []
        for g in gids:
            part = from_genai(g)
            if slug == 'google-ai-studio': part = [r for r in part if 'claude' not in r['id']]
            if slug == 'huggingface':
                via = ':' + g.split('_', 1)[1]      # the router takes the provider from the end of the model's name
                for r in part:
                    r['id'] += via
                    if 'match' in r: r['match'] = [name + via for name in r['match']]
            rows += part
        taken, added = {}, []
        for key, v in L.items():
            if v.get('litellm_provider') not in lprovs or v.get('mode') not in MODES: continue
            if slug == 'aws-bedrock' and key.startswith('bedrock/'): continue       # region-specific copies
            if slug == 'azure-openai' and re.match(r'azure/(eu|us|global|global-standard)/', key): continue
            if '-x-' in key or '/50-steps/' in key or '/max-steps/' in key: continue    # no model's name, but one with a size before it
            if slug == 'replicate' and '/' not in key.replace('replicate/', '', 1): continue
            r = from_litellm(key, v, strip)
            if not r: continue
            if r['id'] in MOVED.get(slug, []):
                for row in rows:
                    if r['id'] in row.get('match', []): row['match'].remove(r['id'])
                rows = [row for row in rows if row['id'] != r['id']]
                if r['id'] not in taken: taken[r['id']] = 1; added.append(r)
                continue
            have = find(rows, r['id']) if rows else None
            if have:
                diff = {k: [have.get(k), r.get(k)] for k in ('input', 'output', 'cache_read', 'cache_write', 'cache_write_1h', 'audio_input', 'audio_output')
                        if have.get(k) is not None and r.get(k) is not None and abs(have[k] - r[k]) > 1e-9}
                if not diff and have['id'] == r['id']:      # gap filling, only when every shared price agrees
                    for k in ('cache_write_1h', 'cache_write_12h', 'reasoning'):
                        if k in r and k not in have and (k != 'reasoning' or r[k] != r.get('output')):
                            have[k] = r[k]; have.setdefault('filled', []).append(k)
                    if 'deprecation_date' in r: have.setdefault('deprecation_date', r['deprecation_date'])
                if exact([have], r['id']):      # a factor is none of the prices
                    for terms, prices in r.get('variants', {}).items():
                        if 'token_factor' in prices: have.setdefault('variants', {}).setdefault(terms, prices)
                # an exact litellm id that genai-prices covers only by a wide pattern, at another price, is its own row
                wide = diff and not exact(rows, r['id']) and r.get('input') and not (slug == 'aws-bedrock' and r['id'].startswith(('anthropic.', 'openai.', 'claude-')))
                if not wide: continue
                r['overrides_pattern_of'] = have['id']
            if r['id'] not in taken: taken[r['id']] = 1; added.append(r)
        for r in rows + added:
            r.update(ADDED.get((slug, r['id']), {}))
            if slug.startswith('google') and r.get('web_search_1k') and SEARCHES_ONCE.match(r['id']): r['web_search_maximum'] = 1
        providers[slug] = {'models': rows + sorted(added, key=lambda r: r['id'])}
        if slug in FALLBACK: providers[slug]['fallback'] = FALLBACK[slug]
    out = {
        'meta': {
            'as_of': AS_OF.isoformat(), 'currency': 'USD',
            'sources': [
                {'name': 'genai-prices', 'version': VERSIONS['genai-prices'], 'license': 'MIT', 'url': 'github.com/pydantic/genai-prices'},
                {'name': 'litellm', 'version': VERSIONS['litellm'], 'license': 'MIT (outside enterprise/)', 'url': 'github.com/BerriAI/litellm',
                 'file': 'model_prices_and_context_window_backup.json'}],
            'units': {'(no suffix)': 'USD per 1,000,000 tokens', '_1k': 'USD per 1,000 calls/pages/units', '_1m': 'USD per 1,000,000 characters',
                      '_hour': 'USD per hour of media', '_each': 'USD per image',
                      'audio_minimum_s': 'seconds of audio that a request is charged for at least',
                      'web_search_maximum': 'web searches that a request is charged for at most',
                      'token_factor': 'what the prices of tokens are multiplied by'},
            'matching': "lower-case the model; a glob is literal but for '*' (any run) and '#' (one digit); exact beats pattern, then the longest literal wins; 'not' globs exclude",
            'tiers': "'over': N applies to ALL tokens of the request when total input tokens (incl. cached) > N; the highest N wins; keys not repeated keep the base price",
            'later': "prices that replace the row from that UTC date", 'hours': 'prices that replace the row inside that UTC window',
            'free': 'listed without any price: cost 0',
            'variants': "partial overrides for processing=batch, service_tier=..., speed=fast, inference_geo=us; those of a later price come before the row's"},
        'providers': providers}
    with pathlib.Path(sys.argv[1]).open('w') as f:   # one model a line: diffable
        f.write('{"meta": ' + json.dumps(out['meta'], indent=1) + ',\n"providers": {\n')
        for i, (s, p) in enumerate(providers.items()):
            f.write(('' if i == 0 else ',\n') + json.dumps(s) + ': {' + (f'"fallback": {json.dumps(p["fallback"])}, ' if 'fallback' in p else '') + '"models": [\n')
            f.write(',\n'.join(json.dumps(r, separators=(',', ':')) for r in p['models'])); f.write('\n]}')
        f.write('\n}}\n')


if __name__ == '__main__':
    main()
