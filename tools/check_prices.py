"""Compares the cost rule (`examples/price.rs`) with the calculators of genai-prices and litellm.

`check_prices.py PROGRAM`, in the Python that has them: random usage, the same in every run, for every model that one of
the two prices. Prints how many costs agree and, by reason, how many do not; a disagreement that no reason explains makes
it fail.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

DATA = Path(__file__).resolve().parent.parent / "data" / "prices.json"
ROUNDS = 6
"""Usages of each model."""
MIN_MODELS = 1_000

Row = dict[str, Any]
Usage = dict[str, int]


class Case(NamedTuple):
    """One usage of one model, as both sides get it, and what the other side says."""

    source: str
    provider: str
    model: str
    usage: Usage
    tier: str | None
    speed: str | None
    at: dt.datetime
    theirs: Decimal | None
    """None: it has no cost for this."""
    facts: frozenset[str] = frozenset()
    """What the source says about the case; the reasons ask for it."""
    place: str | None = None

    def question(self) -> str:
        at = int(self.at.timestamp())
        terms = {"service_tier": self.tier, "speed": self.speed, "inference_geo": self.place}
        return json.dumps({"provider": self.provider, "model": self.model, "usage": self.usage, **terms, "at": at})


class Disagreement(NamedTuple):
    case: Case
    ours: Decimal | None


class Reason(NamedTuple):
    """Why a cost may differ. The first that fits counts."""

    text: str
    fits: Callable[[Disagreement], bool]


def states(*facts: str) -> Callable[[Disagreement], bool]:
    return lambda found: not found.case.facts.isdisjoint(facts)


REASONS = (
    Reason(
        "the sources price the model differently, and data/prices.json has the other one's price", states("other price")
    ),
    Reason(
        "litellm has 0 for a price it does not know",
        lambda found: found.case.source == "litellm" and found.case.theirs == 0,
    ),
    Reason(
        "litellm counts xAI's tier from its first token on; genai-prices and we from the one after",
        states("at a tier of xAI"),
    ),
    Reason("litellm prices Perplexity without requests, caches and tiers", states("litellm perplexity-ai")),
    Reason("litellm prices Fireworks without service tiers", states("litellm fireworks, tier")),
    Reason(
        "a tier's price without one above the size: litellm takes the standard one above it, ours stays the tier's",
        states("above a size, tier"),
    ),
)


def agree(ours: Decimal | None, theirs: Decimal | None) -> bool:
    """Ours ends at a picodollar, rounded up; litellm's is the sum of floats."""
    if ours is None or theirs is None:
        return ours is theirs
    return abs(ours - theirs) <= max(Decimal("1e-12"), theirs * Decimal("1e-9"))


def group(found: Iterable[Disagreement], reasons: Iterable[Reason]) -> dict[str, list[Disagreement]]:
    """The disagreements by the text of their reason; those that no reason explains stand under the empty one."""
    reasons = tuple(reasons)
    groups: dict[str, list[Disagreement]] = {}
    for each in found:
        text = next((reason.text for reason in reasons if reason.fits(each)), "")
        groups.setdefault(text, []).append(each)
    return groups


def report(cases: list[Case], groups: dict[str, list[Disagreement]]) -> Iterator[str]:
    models = {(case.provider, case.model) for case in cases}
    differing = sum(len(found) for found in groups.values())
    yield f"{len(models)} models, {len(cases)} costs: {len(cases) - differing} agree, {differing} do not"
    for text, found in sorted(groups.items()):
        models = {(each.case.provider, each.case.model) for each in found}
        yield f"{text or 'UNEXPLAINED'}: {len(found)} costs of {len(models)} models, such as"
        for case, ours in found[: 3 if text else 20]:
            terms = "".join(f" {term}" for term in (case.tier, case.speed, case.place) if term)
            usage = " ".join(f"{name}={count}" for name, count in case.usage.items())
            yield f"  {case.source}: {case.provider} {case.model}{terms} {usage}: ours {ours}, theirs {case.theirs}"


def costs(program: str, cases: list[Case]) -> list[Decimal | None]:
    text = "".join(case.question() + "\n" for case in cases)
    lines = subprocess.run([program], input=text, check=True, capture_output=True, text=True).stdout.split()
    assert len(lines) == len(cases)
    return [None if line == "null" else Decimal(line) for line in lines]


def rows() -> dict[str, list[Row]]:
    providers = json.loads(DATA.read_text())["providers"]
    return {slug: provider["models"] for slug, provider in providers.items() if slug != "openrouter"}


def priced(row: Row) -> set[str]:
    """The keys that the row or one of its rules prices."""
    rules = [*row.get("tiers", []), *row.get("later", []), *row.get("hours", []), *row.get("variants", {}).values()]
    return {key for key, value in row.items() if isinstance(value, (int, float))}.union(*map(priced, rules))


def usage_of(keys: set[str], overs: list[int], chance: random.Random) -> Usage:
    """Some of what has a price, on either side of a tier; a part is never more than its whole."""
    sizes = [chance.randrange(1, 5_000), chance.randrange(5_000, 100_000), *overs, *(over + 1 for over in overs)]
    total = chance.choice(sizes)
    usage: Usage = {}

    def parts(whole: int, *names: str) -> None:
        for name in names:
            if name in keys and chance.random() < 0.6:
                usage[name] = chance.randrange(whole // 4 + 1)

    if keys & {"input", "audio_input"}:
        usage["input_tokens"] = total
        parts(total, "cache_read", "cache_write", "audio_input")
        for part, whole in (("cache_write_1h", "cache_write"), ("audio_cache_read", "audio_input")):
            if part in keys and chance.random() < 0.5:
                usage[part] = chance.randrange(usage.get(whole, 0) + 1)
        usage["cache_read"] = max(usage.get("cache_read", 0), usage.get("audio_cache_read", 0))
    if keys & {"output", "audio_output"}:
        usage["output_tokens"] = chance.randrange(1, 20_000)
        parts(usage["output_tokens"], "reasoning", "citation", "audio_output")
    if "audio_hour" in keys:
        keys = keys | {"audio_input_hour"}
    units = {
        "web_search_1k": ("web_searches", 5),
        "page_1k": ("pages", 50),
        "search_unit_1k": ("search_units", 9),
        "char_1m": ("characters", 9_999),
        "audio_input_hour": ("audio_input_ms", 99_999),
    }
    for key, (name, most) in units.items():
        if key in keys and (chance.random() < 0.5 or not usage):
            usage[name] = chance.randrange(1, most)
    if "web_search_maximum" in keys and "web_searches" in usage:  # the calculators count each
        usage["web_searches"] = 1
    if "pages" in usage and "annotated_page_1k" in keys:
        usage["annotated_pages"] = chance.randrange(usage["pages"] + 1)
    return {name: count for name, count in usage.items() if count}


# ---------------------------------------------------------------- genai-prices

GENAI = {
    "input_tokens": "input_tokens",
    "output_tokens": "output_tokens",
    "cache_read": "cache_read_tokens",
    "cache_write_1h": "cache_write_1h_tokens",
    "reasoning": "output_reasoning_tokens",
    "citation": "output_citation_tokens",
    "audio_input": "input_audio_tokens",
    "audio_output": "output_audio_tokens",
    "audio_cache_read": "cache_audio_read_tokens",
    "web_searches": "web_searches",
    "pages": "input_document_pages",
    "annotated_pages": "input_annotated_document_pages",
    "search_units": "rerank_searches",
    "characters": "input_characters",
}


def from_genai() -> Iterator[Case]:
    import make_prices as make
    from genai_prices import data, types

    days = [dt.datetime.combine(make.AS_OF, dt.time(hour, 30), dt.UTC) for hour in (0, 2, 7, 12, 20)]
    days += [day + dt.timedelta(days=days_on) for day, days_on in zip(days, (9, 40, 60))]
    for slug, models in rows().items():
        for provider in (provider for provider in data.providers if provider.id in make.SLUGS[slug][0]):
            via = ":" + provider.id.split("_", 1)[1] if slug == "huggingface" else ""
            for model in provider.models:
                patterns = [model.id.lower(), *make.clause(model.match)[0]]
                names = [pattern.replace("*", "").replace("#", "1") for pattern in patterns]
                name, found = next(
                    ((name, found) for name in names if (found := provider.find_model(name))), ("", None)
                )
                name += via
                row = found and make.find(models, name)
                if not row or (slug == "google-ai-studio" and "claude" in name):
                    continue
                for n in range(ROUNDS):
                    chance = random.Random(f"genai-prices {slug} {name} {n}")
                    variants = [{}, *(v.when for v in model.price_variants or [])]
                    yield genai_case(
                        types,
                        (slug, name, row),
                        (provider, found),
                        chance.choice(variants),
                        chance.choice(days),
                        chance,
                    )


def overlaps() -> Iterator[str]:
    """Counts of what is two things at once, such as cached audio: it wants a zero where there is none."""
    from genai_prices import data_units

    for name, unit in data_units.unit_data.items():
        if {"modality", "token_type"} <= unit["dimensions"].keys():
            yield name


def genai_case(
    types: Any, ours: tuple, theirs: tuple, when: dict[str, str], at: dt.datetime, chance: random.Random
) -> Case:
    (slug, name, row), (provider, model) = ours, theirs
    usage = usage_of(priced(row), [tier["over"] for tier in row.get("tiers", [])], chance)
    told = {GENAI[key]: count for key, count in usage.items() if key in GENAI}
    if written := usage.get("cache_write", 0):
        usage["cache_write"] = written - usage.get("cache_write_1h", 0)
        told["cache_write_tokens"] = written
    if "audio_input_ms" in usage:
        seconds = Decimal(usage["audio_input_ms"]) / 1000
        told.update(input_audio_seconds=seconds, audio_seconds=seconds)
    told = {**dict.fromkeys(overlaps(), 0), **told}
    cost = model.calc_price(types.Usage(**told), provider, genai_request_timestamp=at, price_context=when or None)
    tier = when.get("service_tier", when.get("processing"))
    facts = {"other price"} if row["src"] != "genai-prices" else set()
    return Case("genai-prices", slug, name, usage, tier, when.get("speed"), at, cost.total_price, frozenset(facts))


# ---------------------------------------------------------------- litellm


def from_litellm() -> Iterator[Case]:
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # or it looks for newer prices
    import litellm

    litellm.suppress_debug_info = True
    import make_prices as make

    at = dt.datetime.combine(make.AS_OF, dt.time(12), dt.UTC)
    litellm.litellm_core_utils.llm_cost_calc.utils.current_billing_time = lambda: at
    for slug, models in rows().items():
        _, providers, strip = make.SLUGS[slug]
        for key, value in litellm.model_cost.items():
            if value.get("litellm_provider") not in providers or value.get("mode") not in (
                "chat",
                "completion",
                "responses",
                "embedding",
            ):
                continue
            theirs = make.from_litellm(key, value, strip)
            row = theirs and make.find(models, theirs["id"])
            if not row or key.startswith("bedrock/"):
                continue
            for n in range(ROUNDS):
                chance = random.Random(f"litellm {slug} {key} {n}")
                yield litellm_case(litellm, (slug, theirs["id"], row), (key, theirs), at, chance)


def litellm_case(litellm: Any, ours: tuple, other: tuple, at: dt.datetime, chance: random.Random) -> Case:
    (slug, name, row), (key, theirs) = ours, other
    tier = chance.choice(
        [None, *(terms.partition("=")[2] for terms in theirs.get("variants", {}) if terms.startswith("service_tier"))]
    )
    overs = [tier["over"] for tier in theirs.get("tiers", [])]
    usage = usage_of(
        priced(theirs)
        & {
            "input",
            "output",
            "cache_read",
            "cache_write",
            "cache_write_1h",
            "audio_input",
            "audio_output",
            "reasoning",
        },
        overs,
        chance,
    )
    written, hour = usage.get("cache_write", 0), usage.get("cache_write_1h", 0)
    if written:
        usage["cache_write"] = written - hour
    details = {"cached_tokens": usage.get("cache_read", 0), "audio_tokens": usage.get("audio_input", 0)}
    ttl = {"ephemeral_5m_input_tokens": written - hour, "ephemeral_1h_input_tokens": hour}
    spoken = {"reasoning_tokens": usage.get("reasoning", 0), "audio_tokens": usage.get("audio_output", 0)}
    stated = litellm.Usage(
        prompt_tokens=usage.get("input_tokens", 0),
        completion_tokens=usage.get("output_tokens", 0),
        prompt_tokens_details={**details, "cache_creation_tokens": written, "cache_creation_token_details": ttl},
        completion_tokens_details=spoken,
    )
    place = chance.choice([None, "global", "us"]) if "inference_geo=us" in row.get("variants", {}) else None
    stated.inference_geo = place
    provider = litellm.model_cost[key]["litellm_provider"]
    if provider.startswith(("vertex_ai", "fireworks_ai")):  # it files the models of one provider under several names
        provider = provider.partition("-")[0]
    try:
        costs = litellm.cost_per_token(model=key, custom_llm_provider=provider, usage_object=stated, service_tier=tier)
        cost = sum(Decimal(repr(float(part))) for part in costs)
    except Exception as error:  # it has many kinds of its own
        cost = None
        print(key, repr(error)[:150], file=sys.stderr)
    facts = litellm_facts(ours, theirs, usage, tier)
    return Case("litellm", slug, name, usage, tier, None, at, cost, frozenset(facts), place)


def litellm_facts(ours: tuple, theirs: Row, usage: Usage, tier: str | None) -> Iterator[str]:
    slug, _, row = ours
    prices = ("tiers", "variants", "hours", *priced(row), *priced(theirs))
    if row["src"] != "litellm" and any(row.get(key) != theirs.get(key) for key in prices if key != "context"):
        yield "other price"
    overs = [each["over"] for each in theirs.get("tiers", [])]
    if slug == "grok" and usage.get("input_tokens") in overs:
        yield "at a tier of xAI"
    if slug == "perplexity-ai":
        yield "litellm perplexity-ai"
    if slug == "fireworks" and tier:
        yield "litellm fireworks, tier"
    if tier and any(usage.get("input_tokens", 0) > over for over in overs):
        yield "above a size, tier"


def main() -> int:
    cases = [case for case in (*from_genai(), *from_litellm()) if case.usage]
    found = [
        Disagreement(case, ours) for case, ours in zip(cases, costs(sys.argv[1], cases)) if not agree(ours, case.theirs)
    ]
    groups = group(found, REASONS)
    print("\n".join(report(cases, groups)))
    models = {(case.provider, case.model) for case in cases}
    return 1 if "" in groups or len(models) < MIN_MODELS else 0


if __name__ == "__main__":
    sys.exit(main())
