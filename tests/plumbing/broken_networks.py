"""Networks broken at random, and the share of them that repairs mend: `python -m tests.plumbing.broken_networks 1000`.

Right specs, the examples and random stacks, get one slip or two: a number of an argument changed, an argument put in or
taken out, a name that `from` reads exchanged, a word misspelt. What still fits is thrown away. Slips are made in the
text, as a user makes them. Everything follows from the seed.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from random import Random
from time import perf_counter
from typing import NamedTuple

from shapecheck.layers import LAYERS
from shapecheck.repairs.layout import Entry, Layout, Spot
from shapecheck.repairs.search import Search
from shapecheck.repairs.text import Draft, Edit
from shapecheck.repairs.trial import Setting, Trial
from shapecheck.repairs.writing import beside, drop, insert_entry, meant_by_scalar, names_of, set_argument, set_value
from tests.examples import FITTING

PLAIN = Setting(None, None, None)


class Broken(NamedTuple):
    """A spec that no longer fits: where it comes from, what was done to it, its text."""

    source: str
    slips: tuple[str, ...]
    text: str


def networks(seed: int, examples_share: float = 0.5) -> Iterator[Broken]:
    """Broken networks without end, drawn from the examples and, where not from them, from random stacks."""
    random = Random(seed)
    examples = [(path.stem, path.read_text(encoding="utf-8")) for path in FITTING]
    while True:
        name, text = random.choice(examples) if random.random() < examples_share else ("stack", stack(random))
        slips: list[str] = []
        for _ in range(random.choice((1, 1, 2))):
            slipped = slip(random, text)
            if slipped is not None:
                slips.append(slipped[0])
                text = slipped[1]
        if slips and Trial(Draft(text), PLAIN).faults:
            yield Broken(name, tuple(slips), text)


# Slips ----------------------------------------------------------------------------------------------------------------


def slip(random: Random, text: str) -> tuple[str, str] | None:
    """One slip: its kind, and the text with it; None where the draw finds no place for it."""
    layout = Layout(text)
    kind = random.choice((*KINDS, "number", "number", "put in"))
    entries = [entry for entry in layout.entries() if entry.type.value in LAYERS]
    if not entries:
        return None
    edits = KINDS[kind](random, layout, random.choice(entries), entries)
    draft = Draft(text).after(edits) if edits else None
    return None if draft is None or draft.text == text else (kind, draft.text)


def _number(random: Random, layout: Layout, entry: Entry, entries: list[Entry]) -> list[Edit] | None:
    """A number of a layer's arguments, another one."""
    spots = [spot for spot in _numbers(entry)]
    return set_value(spot := random.choice(spots), str(_other(random, int(spot.value)))) if spots else None


def _numbers(entry: Entry) -> list[Spot]:
    if entry.arguments is None:
        return []
    keys = {key.start for spot in entry.arguments.walk() for key, _ in spot.pairs()}
    scalars = [spot for spot in entry.arguments.walk() if spot.kind == "scalar" and spot.start not in keys]
    return [spot for spot in scalars if spot.value.isdigit() and not spot.quoted]


def _other(random: Random, number: int) -> int:
    """Another number, as a slip makes it."""
    near = [
        number - 1,
        number + 1,
        number + 2,
        number * 2,
        number // 2,
        number * 10,
        random.randint(1, 9),
        random.randint(1, 600),
    ]
    return random.choice([other for other in near if other >= 0 and other != number])


def _put_in(random: Random, layout: Layout, entry: Entry, entries: list[Entry]) -> list[Edit] | None:
    """An argument that was left to the input or to its default."""
    word = entry.type.value
    cls = LAYERS[word]
    choices = [
        name for name in names_of(word) if name in (*cls.inferred, *WINDOW, "groups", "dim", "start_dim", "end_dim")
    ]
    if not choices:
        return None
    name = random.choice(choices)
    value = (
        random.randint(1, 9)
        if name in (*WINDOW, "groups")
        else random.randint(-3, 4)
        if "dim" in name
        else random.randint(1, 600)
    )
    given = entry.arguments
    scalar = meant_by_scalar(word, given) if given is not None and given.kind == "scalar" else None
    return set_argument(layout, entry, name, str(value), names_of(word), scalar)


WINDOW = ("kernel_size", "stride", "padding", "dilation")


def _taken_out(random: Random, layout: Layout, entry: Entry, entries: list[Entry]) -> list[Edit] | None:
    """An argument left out."""
    pairs = entry.arguments.pairs() if entry.arguments is not None else []
    return drop(layout, random.choice(pairs)[0]) if len(pairs) > 1 else None


def _source(random: Random, layout: Layout, entry: Entry, entries: list[Entry]) -> list[Edit] | None:
    """Another name in a `from`, or a `from` where there was none."""
    names = [spot.value for other in entries if (spot := other.beside("name")) is not None] or ["input"]
    reading = [spot for other in entries if (spot := other.beside("from")) is not None]
    if not reading:
        return beside(layout, entry, [("from", random.choice(names))])
    spot = random.choice(reading)
    items = spot.items if spot.kind == "list" else [spot]
    return set_value(random.choice(items), random.choice(names))


def _misspelt(random: Random, layout: Layout, entry: Entry, entries: list[Entry]) -> list[Edit] | None:
    """A word with two letters exchanged, one left out or one doubled."""
    words = [entry.type, *(key for key, _ in (entry.arguments.pairs() if entry.arguments is not None else []))]
    words += [
        spot
        for attribute in ("from", "name")
        if (spot := entry.beside(attribute)) is not None and spot.kind == "scalar"
    ]
    spot = random.choice(words)
    if len(spot.value) < 3 or spot.quoted:
        return None
    at = random.randrange(1, len(spot.value) - 1)
    word = spot.value
    wrong = (
        word[:at] + word[at + 1] + word[at] + word[at + 2 :],
        word[:at] + word[at + 1 :],
        word[:at] + word[at] + word[at:],
    )
    return set_value(spot, random.choice(wrong))


def _without(random: Random, layout: Layout, entry: Entry, entries: list[Entry]) -> list[Edit] | None:
    """A layer put in twice."""
    return (
        insert_entry(layout, entry.around, entry.place, layout.written(entry.spot))
        if "\n" not in layout.written(entry.spot)
        else None
    )


KINDS = {
    "number": _number,
    "put in": _put_in,
    "left out": _taken_out,
    "source": _source,
    "misspelt": _misspelt,
    "doubled": _without,
}


# Random stacks --------------------------------------------------------------------------------------------------------


def stack(random: Random) -> str:
    """A random network that fits: convolutions and pools, merges of two paths, a classifier, in several styles."""
    size = random.choice((28, 32, 48, 64, 97))
    channels = random.choice((1, 3, 4))
    lines = [f"input: [N, {channels}, {size}, {size}]", "layers:"]
    width = channels
    for number in range(random.randint(2, 6)):
        part = random.choice(("conv", "conv", "pool", "norm", "residual", "branches", "skip"))
        added, width, size = PARTS[part](random, number, width, size)
        lines += [f"  - {line}" for line in added]
    lines.append("  - Flatten")
    features = f"in_features: {width * size * size}, " if random.random() < 0.5 else ""
    lines += [f"  - Linear: {{{features}out_features: 32}}", "  - ReLU", "  - Linear: 10", "output: [N, 10]"]
    return "\n".join(lines) + "\n"


def _conv(random: Random, number: int, width: int, size: int) -> tuple[list[str], int, int]:
    out, kernel = random.choice((8, 16, 24, 32)), random.choice((1, 3, 3, 5))
    stride = random.choice((1, 1, 2)) if size > 12 else 1
    padding = kernel // 2
    given = f"in_channels: {width}, " if random.random() < 0.5 else ""
    text = f"{given}out_channels: {out}, kernel_size: {kernel}"
    text += (f", stride: {stride}" if stride > 1 else "") + (f", padding: {padding}" if padding else "")
    size = (size + 2 * padding - kernel) // stride + 1
    return [f"Conv2d: {{{text}}}"], out, size


def _pool(random: Random, number: int, width: int, size: int) -> tuple[list[str], int, int]:
    if size < 6:
        return ["ReLU"], width, size
    return [random.choice(("MaxPool2d: 2", "AvgPool2d: {kernel_size: 2}"))], width, (size - 2) // 2 + 1


def _norm(random: Random, number: int, width: int, size: int) -> tuple[list[str], int, int]:
    return [random.choice((f"BatchNorm2d: {{num_features: {width}}}", "BatchNorm2d")), "ReLU"], width, size


def _residual(random: Random, number: int, width: int, size: int) -> tuple[list[str], int, int]:
    conv = f"Conv2d: {{out_channels: {width}, kernel_size: 3, padding: 1}}"
    return [f"Residual: [{conv}, ReLU, {conv}]"], width, size


def _branches(random: Random, number: int, width: int, size: int) -> tuple[list[str], int, int]:
    one, two = "Conv2d: {out_channels: 8, kernel_size: 1}", "Conv2d: {out_channels: 16, kernel_size: 3, padding: 1}"
    return [f"Branches: {{dim: 1, paths: [[{one}], [{two}, ReLU]]}}"], 24, size


def _skip(random: Random, number: int, width: int, size: int) -> tuple[list[str], int, int]:
    name = f"skip{number}"
    conv = f"Conv2d: {{out_channels: {width}, kernel_size: 3, padding: 1}}"
    merge, factor = random.choice((("Add: ", 1), ("Concat: 1", 2)))
    return (
        [f"{{ReLU: , name: {name}}}", f"{{{conv}, name: body{number}}}", f"{{{merge}, from: [{name}, body{number}]}}"],
        width * factor,
        size,
    )


PARTS = {"conv": _conv, "pool": _pool, "norm": _norm, "residual": _residual, "branches": _branches, "skip": _skip}


# The measure ----------------------------------------------------------------------------------------------------------


def mended_by(broken: Broken, seconds: float = 40.0, trials: int = 3_000) -> int | None:
    """With how many changes the first repair mends it; None where there is none."""
    found = Search(broken.text, PLAIN, seconds, trials).run(1)
    return len(found[0].changes) if found else None


def main(count: int = 1000, seed: int = 0) -> None:
    """Print the share of broken networks that are mended, by kind of slip, and the times."""
    tally: Counter[str] = Counter()
    times = []
    for number, broken in zip(range(count), networks(seed), strict=False):
        start = perf_counter()
        changes = mended_by(broken)
        times.append(perf_counter() - start)
        verdict = {None: "none", 1: "one change", 2: "two changes"}.get(changes, "more")
        tally[verdict] += 1
        if verdict in ("none", "more"):
            print(f"{number}: {broken.source} {broken.slips}: {verdict}", flush=True)
        if number % 100 == 99:
            print(
                f"{number + 1} networks, {tally['one change'] + tally['two changes']} mended by two changes", flush=True
            )
    times.sort()
    shares = ", ".join(f"{name}: {tally[name]}" for name in ("one change", "two changes", "more", "none"))
    print(f"seed {seed}, {count} broken networks: {shares}")
    print(
        f"median {times[count // 2]:.3f} s, 95 % within {times[count * 95 // 100]:.2f} s, the longest {times[-1]:.1f} s"
    )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
