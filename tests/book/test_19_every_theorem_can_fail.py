r"""Does each theorem of the book say something, and is each part of it needed?

A test that cannot fail proves nothing, and nor does a theorem whose check cannot. Every entry of THEOREMS, and each
of its parts, is attacked in four ways: its negation, any step removed, any hypothesis dropped, any operator of its
statement changed. Every attack must make `recheck` fail. So that none of this is done by the chain alone, the changed
statements are also put to the naive evaluator, without their proofs.

Main results: `test_it_stands`, `test_its_negation_falls`, `test_every_step_is_needed`,
`test_every_hypothesis_is_needed`, `test_every_operator_matters`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import sympy as sp

from derive import THEOREMS
from derive.kernel import RuleError, Step, Theorem
from derive.table import CHAPTERS
from derive.terms import BINDERS, Equation, Range, Support, parts, peel, proposition, rebuilt


def with_parts(theorem: Theorem) -> Iterator[Theorem]:
    """The theorem and all its parts, each without the parts of its own."""
    yield replace(theorem, parts=())
    for part in theorem.parts:
        yield from with_parts(part)


def name_of(theorem: Theorem) -> str:
    """The name, as the id of a test."""
    return theorem.name


EVERY = [piece for name in THEOREMS for piece in with_parts(THEOREMS[name])]
every_theorem = pytest.mark.parametrize("theorem", EVERY, ids=name_of)


def falls(theorem: Theorem) -> bool:
    """Whether recheck refuses it."""
    try:
        theorem.recheck()
    except RuleError:
        return True
    return False


@every_theorem
def test_it_stands(theorem):
    """The theorem itself passes, and knows its reasons."""
    theorem.recheck()
    assert theorem.title
    assert all(step.because for step in theorem.steps)


def negations(theorem: Theorem) -> list[Theorem]:
    """What the theorem denies."""
    if proposition(theorem.rhs):
        return [replace(theorem, rhs=sp.Not(theorem.rhs))]
    return [replace(theorem, rhs=theorem.rhs + 1), replace(theorem, rhs=1 - theorem.rhs)]


@every_theorem
def test_its_negation_falls(theorem):
    """The contrary is refused, by the chain and by the naive evaluator alone."""
    for denied in negations(theorem):
        assert falls(denied)
        with pytest.raises(RuleError, match="false for"):
            denied._evaluate()


def without_one(step: Step) -> Iterator[Step]:
    """The step with one line gone from a chain inside it, however deep."""
    for name, inner in step.inner.items():
        shorter = [inner[:gone] + inner[gone + 1 :] for gone in range(len(inner))]
        for place, line in enumerate(inner):
            shorter += [(*inner[:place], other, *inner[place + 1 :]) for other in without_one(line)]
        for kept in shorter:
            yield replace(step, arguments=tuple((key, kept if key == name else old) for key, old in step.arguments))


@every_theorem
def test_every_step_is_needed(theorem):
    """Any step removed leaves a gap, also in the chains inside a step."""
    for place in range(len(theorem.steps)):
        assert falls(replace(theorem, steps=theorem.steps[:place] + theorem.steps[place + 1 :]))
    for place, step in enumerate(theorem.steps):
        for shorter in without_one(step):
            assert falls(replace(theorem, steps=(*theorem.steps[:place], shorter, *theorem.steps[place + 1 :])))


@every_theorem
def test_every_hypothesis_is_needed(theorem):
    """Any hypothesis dropped breaks the proof."""
    for place in range(len(theorem.hypotheses)):
        assert falls(replace(theorem, hypotheses=theorem.hypotheses[:place] + theorem.hypotheses[place + 1 :]))


OTHER = {
    sp.Add: lambda *pieces: sp.Mul(*pieces),
    sp.Mul: lambda *pieces: sp.Add(*pieces),
    sp.Pow: lambda base, exponent: base * exponent,
    sp.floor: sp.ceiling,
    sp.ceiling: sp.floor,
    sp.Min: sp.Max,
    sp.Max: sp.Min,
    sp.Eq: sp.Ne,
    sp.Ne: sp.Eq,
    sp.Ge: sp.Gt,
    sp.Gt: sp.Ge,
    sp.Le: sp.Lt,
    sp.Lt: sp.Le,
    sp.And: sp.Or,
    sp.Or: sp.And,
    sp.KroneckerDelta: lambda one, other: 1 - sp.KroneckerDelta(one, other),
}


def changed(term: Any) -> Iterator[Any]:
    """The term with one operator exchanged, once for each place."""
    if isinstance(term, BINDERS):
        inner, k, low, high = peel(term)
        yield from (term.func(other, (k, low, high)) for other in changed(inner))
        yield from (term.func(inner, (k, other, high)) for other in changed(low))
        yield from (term.func(inner, (k, low, other)) for other in changed(high))
        yield term.func(inner, (k, low, high + 1))
        yield term.func(inner, (k, low - 1, high))
        return
    if isinstance(term, sp.Symbol) or not parts(term):
        return
    for kind, other in OTHER.items():
        if isinstance(term, kind):
            yield other(*parts(term))
    for place, piece in enumerate(parts(term)):
        for other in changed(piece):
            yield rebuilt(term, [*parts(term)[:place], other, *parts(term)[place + 1 :]])


def changed_hypotheses(given: Any) -> Iterator[Any]:
    """The hypothesis with one operator exchanged."""
    if isinstance(given, Range):
        yield from (replace(given, holds=x) for x in changed(given.holds) if x not in (sp.true, sp.false))
    elif isinstance(given, Support):
        for axis, ends in enumerate(given.box):
            for end in (0, 1):
                for other in changed(ends[end]) if ends[end] is not None else ():
                    box = [*given.box]
                    box[axis] = (other, ends[1]) if end == 0 else (ends[0], other)
                    yield Support(given.array, tuple(box))
    elif isinstance(given, Equation):
        yield from (replace(given, left=other) for other in changed(given.left))
        yield from (replace(given, right=other) for other in changed(given.right))
        for place, guard in enumerate(given.guard):
            for other in changed(guard):
                yield replace(given, guard=(*given.guard[:place], other, *given.guard[place + 1 :]))


@every_theorem
def test_every_operator_matters(theorem):
    """Any operator changed, in the left side, the right side, or a hypothesis, is refused."""
    tried = 0
    for side in ("lhs", "rhs"):
        for other in changed(getattr(theorem, side)):
            if other != getattr(theorem, side):
                assert falls(replace(theorem, **{side: other})), other
                tried += 1
    for place, given in enumerate(theorem.hypotheses):
        for other in changed_hypotheses(given):
            if other != given:
                rest = theorem.hypotheses[:place], theorem.hypotheses[place + 1 :]
                assert falls(replace(theorem, hypotheses=(*rest[0], other, *rest[1]))), other
                tried += 1
    assert tried


def test_the_table_and_the_chapters_agree():
    """Every name of the table is proved in its chapter, under that very name and title."""
    for names in CHAPTERS.values():
        for name, title in names.items():
            assert (THEOREMS[name].name, THEOREMS[name].title) == (name, title)


def test_all_theorems_are_rechecked_in_twenty_seconds():
    """The whole book is checked anew while one waits."""
    start = time.process_time()
    for name in THEOREMS:
        THEOREMS[name].recheck()
    assert time.process_time() - start < 20
