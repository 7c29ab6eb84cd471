"""The table, with the goal and whether it is met beside each figure that has one."""

from __future__ import annotations

# Figure -> what it is called beside its goal; a ratio is to be at least its goal, everything else at most.
LABELS = {
    "ratio": "plain/own CPU",
    "records_us": "records cost µs",
    "added_p50_us": "added p50 µs",
    "added_event_p99_us": "added p99 per event µs",
    "of_hashing": "added CPU, of hashing",
}
COLUMNS = ("cpu_us", "cpu_user_us", "cpu_system_us")
TIMES = ("p50_us", "p90_us", "p99_us", "p99.9_us")


def is_met(figure: str, value: float, goal: float) -> bool:
    return value >= goal if figure == "ratio" else value <= goal


def verdict(figure: str, value: float, goal: float) -> str:
    """`added p50 µs 71.0 of at most 60: MISSED`."""
    bound = "at least" if figure == "ratio" else "at most"
    outcome = "ok" if is_met(figure, value, goal) else "MISSED"
    return f"{LABELS.get(figure, figure)} {value:.2f} of {bound} {goal:g}: {outcome}"


def show(title: str, figures: dict[str, dict]) -> None:
    """Prints one group."""
    print(f"\n{title:<30}{'CPU µs':>10}{'user':>9}{'sys':>9}{'ratio':>7}{'req/s':>8}", end="")
    print(f"{'p50':>8}{'p90':>8}{'p99':>8}{'p99.9':>8}{'RSS MB':>8}")
    for name, own in figures.items():
        ratio = f"{own['ratio']:.2f}×" if "ratio" in own else ""
        print(f"  {name:<28}{own['cpu_us']:>10.1f}{own['cpu_user_us']:>9.1f}{own['cpu_system_us']:>9.1f}", end="")
        print(f"{ratio:>7}{own['requests_per_s']:>8.0f}", end="")
        print("".join(f"{own[time]:>8.0f}" if time in own else f"{'':>8}" for time in TIMES), end="")
        verdicts = [verdict(figure, own[figure], goal) for figure, goal in own["goals"].items()]
        if "of_base" in own:
            verdicts.append(f"{own['of_base']:.3f}× of base's CPU")
        print("   ".join([f"{own['rss_mb']:>8.0f}", *verdicts]))
        if "event_p50_us" in own:
            times = "  ".join(f"{time[:-3]} {own[f'event_{time}']:.0f}" for time in TIMES)
            print(f"    {'per event, µs':<26}{times}")
