"""Changes that may mend a text which is no YAML, or holds parts of it that a spec has no use for.

They are made of characters, near the place where the reader gave up: a bracket closed, a quote, a comma or a colon put
in, a line indented as its neighbours are. Main definition: `syntax_changes`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from shapecheck.diagnostics import Diagnostic
from shapecheck.repairs.text import Edit
from shapecheck.repairs.trial import Change, Trial

CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")
CLOSERS = {"[": "]", "{": "}"}
LOOK_BACK = 6  # lines before the place of a fault that are looked at
MOST_CONTROLS = 10_000  # more are no text with a slip


def syntax_changes(trial: Trial, finding: Diagnostic) -> Iterator[Change]:
    """What may mend the text; the costs say how large each change is."""
    if not finding.line or not finding.column:
        return
    at = trial.layout.lines.offset(finding.line, finding.column)
    if finding.code == "SP002":
        yield from _characters(trial, at)
    elif finding.code == "SP003":
        yield from _grammar(trial, finding, at)
    elif finding.code == "SP004":
        yield from _unused(trial, at)
    elif finding.code == "SP005":
        yield from _too_deep(trial, at)


def _characters(trial: Trial, at: int) -> Iterator[Change]:
    """Characters that no text holds: left out, or read as Windows writes them."""
    text = trial.draft.text
    found = list(CONTROL.finditer(text))[: MOST_CONTROLS + 1]
    if not found or len(found) > MOST_CONTROLS:
        return
    bytes_ = [place for place in found if "\udc80" <= place[0] <= "\udcff"]
    if bytes_:
        edits = []
        for place in bytes_:
            try:
                meant = bytes([ord(place[0]) - 0xDC00]).decode("cp1252")
            except UnicodeDecodeError:
                meant = "?"
            edits.append(Edit(place.start(), place.end(), meant))
        yield Change(f"write {_count(len(edits), 'byte')} of Windows' code page as UTF-8", edits, 1.0)
    all_ = [Edit(place.start(), place.end(), "") for place in found]
    yield Change(f"leave out {_count(len(all_), 'character')} that no text holds", all_, 1.2)
    blanks = [Edit(place.start(), place.end(), " ") for place in found]
    yield Change(f"a blank for {_count(len(blanks), 'character')} that no text holds", blanks, 1.4)


def _count(number: int, word: str) -> str:
    return f"{number:,} {word}{'' if number == 1 else 's'}"


# Grammar --------------------------------------------------------------------------------------------------------------


def _grammar(trial: Trial, finding: Diagnostic, at: int) -> Iterator[Change]:
    lines = trial.layout.lines
    last = min(lines.place(at)[0], len(lines.starts))
    near = range(max(last - LOOK_BACK, 1), last + 1)
    yield from _here(trial, at)
    for distance, number in enumerate(reversed(near)):
        start = lines.starts[number - 1]
        end = lines.end(start)
        for words, edits, cost in _line(trial.draft.text, start, end, lines.break_):
            yield Change(f"line {number}: {words}", edits, cost + 0.2 * distance)
        if number > 1:
            yield from _indentation(trial, number, 0.2 * distance)
    closing = "".join(reversed(_open_brackets(trial.draft.text)))
    if closing:
        end = len(trial.draft.text.rstrip())
        yield Change(f"close {closing} at the end", [Edit(end, end, closing)], 2.0)


def _here(trial: Trial, at: int) -> Iterator[Change]:
    """At the place of the fault itself."""
    text = trial.draft.text
    if text[at : at + 1] in "]}),:" and at < len(text):
        yield Change(f"leave out {text[at]}", [Edit(at, at + 1, "")], 1.3)
    yield Change("a comma", [Edit(at, at, ", ")], 1.5)
    for closer in "]}":
        yield Change(f"close {closer}", [Edit(at, at, closer)], 1.7)
    if at < len(text) and text[at] in "@`%&*!|>":
        stop = re.compile(r"[,\]}\r\n]|\s#|$").search(text, at)
        end = len(text[: stop.start()].rstrip()) if stop else at + 1
        yield Change("quotes around it", [Edit(at, at, '"'), Edit(end, end, '"')], 1.2)
    if text[at : at + 1] == "\t":
        end = at + len(text[at:]) - len(text[at:].lstrip("\t"))
        yield Change("blanks for tabs", [Edit(at, end, "  " * (end - at))], 1.0)


Slip = tuple[str, list[Edit], float]


def _line(text: str, start: int, end: int, break_: str) -> Iterator[Slip]:
    """What one line may lack: the end of a bracket or a quote, a blank behind a colon, a colon, a comma."""
    code = _without_comment(text[start:end])
    for words, edits, cost in (*_brackets(code), *_quotes(code), *_marks(code)):
        yield words, [Edit(start + edit.start, start + edit.end, edit.text) for edit in edits], cost
    if code.strip():
        yield "leave the line out", [Edit(start, min(end + len(break_), len(text)), "")], 4.0


def _put(place: int, text: str) -> list[Edit]:
    return [Edit(place, place, text)]


def _brackets(code: str) -> Iterator[Slip]:
    """Brackets that are missing, too many, or of the wrong kind."""
    missing = _missing_closers(code)
    if missing:
        yield f"close {missing}", _put(len(code), missing), 1.0
    for closer in dict.fromkeys(missing):
        yield from ((f"close {closer}", _put(found.start(), closer), 1.9) for found in re.finditer(",", code))
        yield from ((f"close {closer}", _put(found.start(), closer), 1.2) for found in re.finditer(r"\]|\}", code))
    for found in re.finditer(r"[\]}]", code):
        other = {"]": "}", "}": "]"}[found[0]]
        far = 0.01 * (len(code) - found.start())
        yield f"leave out {found[0]}", [Edit(found.start(), found.end(), "")], 2.0 + far
        yield f"{other} instead of {found[0]}", [Edit(found.start(), found.end(), other)], 1.5
    for found in re.finditer(r"[\[{]", code):
        yield f"leave out {found[0]}", [Edit(found.start(), found.end(), "")], 2.4


def _quotes(code: str) -> Iterator[Slip]:
    """Quotes that are not closed, and texts that need some."""
    for quote in "\"'":
        where = code.rfind(quote)
        if code.count(quote) % 2:
            ends = [found.start() for found in re.finditer(r"(?=[,\]}])|$", code) if found.start() > where]
            yield from ((f"close {quote}", _put(place, quote), 1.1) for place in ends)
            yield f"leave out {quote}", [Edit(where, where + 1, "")], 1.8
    for found in re.finditer(r"(?<![\"'\w])\$\{[^{}]*\}[^,\]}\"']*", code):
        yield "quotes around ${...}", [*_put(found.start(), '"'), *_put(found.end(), '"')], 1.0
    if text := re.match(r"(\s*(?:- )?[\w]+: )(.*: .*)$", code):
        yield "quotes around the text", [*_put(text.start(2), '"'), *_put(len(code), '"')], 1.6


def _marks(code: str) -> Iterator[Slip]:
    """Colons, commas, dashes and the blanks behind them."""
    for found in re.finditer(r"(?<=\w):(?=[\w\[{])", code):
        yield "a blank behind the colon", _put(found.end(), " "), 1.1
    for found in re.finditer(r"(?<=[\w\]}\"])[ \t]+(?=[\w\[{\"])", code):
        yield "a colon", _put(found.start(), ":"), 1.5
        yield "a comma", _put(found.start(), ","), 1.6
    if re.fullmatch(r"\s*(?:- )*\w+", code):
        yield "a colon", _put(len(code), ":"), 1.4
    if dash := re.match(r"\s*-(?=\w|\{)", code):
        yield "a blank behind the dash", _put(dash.end(), " "), 1.0
    if first := re.match(r"(\s*)(?=\w|\{)", code):
        yield "a dash", _put(first.end(), "- "), 1.9
    for found in re.finditer(r"\t", code):
        yield "blanks for a tab", [Edit(found.start(), found.end(), "  ")], 1.1


def _without_comment(line: str) -> str:
    """The line without its comment and the blanks before it."""
    quote = ""
    for place, character in enumerate(line):
        if quote:
            quote = "" if character == quote else quote
        elif character in "\"'":
            quote = character if line.find(character, place + 1) > 0 else ""
        elif character == "#" and (place == 0 or line[place - 1] in " \t"):
            return line[:place].rstrip()
    return line.rstrip()


def _missing_closers(code: str) -> str:
    """The ends of the brackets that a line opens and does not close."""
    return "".join(reversed(_open_brackets(code)))


def _open_brackets(code: str) -> list[str]:
    """The ends of the brackets that are open at the end of a text, the outermost first."""
    found: list[str] = []
    for line in code.splitlines():
        for character in re.sub(r"\"[^\"]*\"|'[^']*'", "", _without_comment(line)):
            if character in CLOSERS:
                found.append(CLOSERS[character])
            elif found and character == found[-1]:
                found.pop()
    return found


def _indentation(trial: Trial, number: int, cost: float) -> Iterator[Change]:
    """A line indented as one of its neighbours is."""
    lines = trial.layout.lines
    text = trial.draft.text
    start = lines.starts[number - 1]
    width = len(text[start:]) - len(text[start:].lstrip(" "))
    if start + width >= len(text):
        return
    widths = set()
    for other in range(max(number - 4, 1), min(number + 3, len(lines.starts) + 1)):
        line = text[lines.starts[other - 1] : lines.end(lines.starts[other - 1])]
        if line.strip() and other != number:
            indent = len(line) - len(line.lstrip(" "))
            widths |= {indent, indent + 2, indent + 4}
    for other in sorted(widths - {width}, key=lambda other: abs(other - width)):
        words = f"line {number}: indented by {other} instead of {width}"
        yield Change(words, [Edit(start, start + width, " " * other)], 1.3 + 0.05 * abs(other - width) + cost)


# Parts of YAML that a spec has no use for ----------------------------------------------------------------------------


def _unused(trial: Trial, at: int) -> Iterator[Change]:
    """Tags, anchors, aliases, directives, a second document."""
    text = trial.draft.text
    if found := re.compile(r"(?:!\S*|&[^\s,\[\]{}]+)[ \t]*").match(text, at):
        yield Change(f"leave out {found[0].strip()}", [Edit(at, found.end(), "")], 1.0)
    if found := re.compile(r"\*([^\s,\[\]{}:]+)").match(text, at):
        for written in _anchored(trial, found[1]):
            yield Change(f"{written} for {found[0]}", [Edit(at, found.end(), written)], 1.1)
        yield Change(f"{found[1]} instead of {found[0]}", [Edit(at, found.end(), found[1])], 1.6)
    lines = trial.layout.lines
    start, following = lines.start(at), lines.next(at)
    for number in (lines.place(at)[0] - 1, lines.place(at)[0]):
        begin = lines.starts[max(number - 1, 0)]
        if text.startswith("---", begin) and begin > 0:
            yield Change("leave out ---", [Edit(begin, lines.next(begin), "")], 1.3)
            yield Change("leave out the second document", [Edit(begin, len(text), "")], 1.8)
    if text.startswith("%"):
        rest = re.compile(r"(?:%[^\r\n]*(?:\r\n|\r|\n))+(?:---[ \t]*(?:\r\n|\r|\n))?").match(text)
        if rest:
            yield Change("leave out the directive", [Edit(0, rest.end(), "")], 1.0)
    yield Change("leave the line out", [Edit(start, following, "")], 3.5)


def _anchored(trial: Trial, name: str) -> Iterator[str]:
    """What an alias stands for, as it is written, or was before the anchor was taken out."""
    for text in (trial.draft.text, trial.draft.original):
        found = re.search(rf"&{re.escape(name)}[ \t]+([\w.]+|\{{[^{{}}]*\}}|\[[^\[\]]*\]|\"[^\"]*\")", text)
        if found:
            yield found[1]


def _too_deep(trial: Trial, at: int) -> Iterator[Change]:
    """Lists in lists: the brackets taken off, but for the outermost."""
    text = trial.draft.text
    lines = trial.layout.lines
    start, end = lines.start(at), lines.end(at)
    code = _without_comment(text[start:end])
    for found in re.finditer(r"\[(\[+)([^\[\]]*)(\]+)\]", code):
        if len(found[1]) == len(found[3]):
            edits = [
                Edit(start + found.start(1), start + found.end(1), ""),
                Edit(start + found.start(3), start + found.end(3), ""),
            ]
            yield Change(f"one list instead of {len(found[1]) + 1} inside each other", edits, 1.2)
