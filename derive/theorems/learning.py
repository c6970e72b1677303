r"""Learning a kernel: the gradient is a correlation, and descent on the sum of squares falls apart into modes.

Main result: `learning`. Its parts: the loss near a kernel on one and two axes, the gradient by the Gram matrix, the
modes of gradient descent, and the lectures' edge detector in full: its Gram matrix, its modes, the rates at which it
converges, and its loss after t steps.

Notation: an input X, a target Y, a kernel K, a change D of it; R is what is still wrong, the residual. A[a, b] is the
Gram matrix, the sum of X[i + a] X[i + b] over the outputs i. L is the kernel that made Y, E = K - L the error, and
E[t, a] the error after t steps of gradient descent at the rate r. V is a mode: a row with V A = lambda V.
References: Goodfellow, Bengio and Courville, Deep Learning, 7.2 (descent along eigenvectors); the lectures' edge
detector is that of Zhang et al., Dive into Deep Learning, 7.2.3 and 7.2.4.
"""

from __future__ import annotations

from collections.abc import Callable

import sympy as sp

from derive.blackboard import Derivation, Equation, Iverson, arrays, integers, named, reals, total
from derive.kernel import Theorem
from derive.terms import Term
from derive.theorems.adjoint import ONE, TWO, Layer, kernel_adjoint

a, b, c, h, i, j, k, n, s, t, z = integers("a b c h i j k n s t z")
r, lam = reals("r lambda")
A, D, E, K, L, R, V, X, Y, Z = arrays("A D E K L R V X Y Z")

ZERO, ONCE = sp.Integer(0), sp.Integer(1)
Step = Callable[[Derivation], Derivation]


def loss_near(layer: Layer) -> Theorem:
    """The loss at K + D: the loss at K, plus D paired with the gradient, plus a sum of squares."""
    residual = Equation(
        layer.output(R),
        layer.corr() - layer.output(Y),
        tuple(index for index, _, _ in layer.outputs),
        because="`R` is the residual",
    )
    change, target, outputs = layer.corr(D), layer.output(Y), layer.outputs
    both = layer.weight(K) + layer.weight(D)
    apart = layer.weight(K) * layer.input(X) + layer.weight(D) * layer.input(X)
    chain = Derivation(
        total((total(both * layer.input(X), *layer.kernel) - target) ** 2, *outputs), *layer.weaker_sizes, residual
    ).ring(total((total(apart, *layer.kernel) - target) ** 2, *outputs), because="multiply out")
    for index, _, _ in reversed(layer.kernel):
        chain = chain.linear(index)
    wrong = layer.corr() - target
    chain = chain.ring(
        total(wrong**2 + sp.Mul(2, wrong, change) + change**2, *outputs), because="the square of a sum"
    ).equation(residual, backwards=True, at={index: index for index in residual.over})
    for index, _, _ in reversed(outputs):
        chain = chain.linear(index)
    squares = total(layer.output(R) ** 2, *outputs) + total(change**2, *outputs)
    pairing = layer.output(R) * change
    for inside in reversed(range(len(outputs))):
        twice = total(2 * total(pairing, *outputs[inside:]), *outputs[:inside])
        chain = chain.backwards("into", squares + twice, k=outputs[inside][0], because="the 2 comes out of the sum")
    gradient = total(layer.output(R) * layer.input(X), *outputs)
    return chain.lemma(kernel_adjoint(layer), arrays={K: D, Y: R}).qed(
        squares + 2 * total(layer.weight(D) * gradient, *layer.kernel),
        layer.name("learning"),
        "The gradient of the squared error is the correlation of residual and input"
        + ("" if layer.axes == 1 else f", {layer.axes} axes"),
        about="The derivative of the loss by `K[a]` is what `D[a]` is paired with: twice the correlation of the input "
        "with the residual. The last sum is of second order in `D`." * (layer.axes == 1),
    )


OUTPUTS = (i, ZERO, n - h)
CELLS = (a, ZERO, h - 1)
GRAM = Equation(A[a, b], total(X[i + a] * X[i + b], OUTPUTS), (a, b), because="`A` is the Gram matrix")


def _gram() -> Theorem:
    """For a target that some kernel can reach the gradient is the Gram matrix times the error."""
    right, wrong = total(L[a] * X[i + a], CELLS), total(K[a] * X[i + a], CELLS)
    return (
        Derivation(total(X[i + c] * (wrong - right), OUTPUTS), sp.Ge(h, 0), sp.Ge(n, h - 1), GRAM)
        .into(a, because="the sign goes into the sum")
        .backwards("linear", total(X[i + c] * total(K[a] * X[i + a] - L[a] * X[i + a], CELLS), OUTPUTS), k=a)
        .ring(total(X[i + c] * total((K[a] - L[a]) * X[i + a], CELLS), OUTPUTS), because="the error is `K - L`")
        .into(a)
        .swap(i, a)
        .out(i)
        .equation(GRAM, backwards=True, at={a: c, b: a})
        .qed(
            total(A[c, a] * (K[a] - L[a]), CELLS),
            "learning/gram",
            "If `Y` was made by a kernel `L`, the gradient is the Gram matrix times the error",
            about="Twice this is the derivative by `K[c]`, since `R` is then the correlation of `X` with `K - L`.",
        )
    )


DESCENT = Equation(
    E[s + 1, a],
    E[s, a] - 2 * r * total(A[a, b] * E[s, b], (b, ZERO, h - 1)),
    (s, a),
    (sp.Ge(s, 0), sp.Ge(a, 0), sp.Le(a, h - 1)),
    because="one step of descent",
    defines=False,
)
MODE = Equation(
    total(V[a] * A[a, b], CELLS),
    lam * V[b],
    (b,),
    (sp.Ge(b, 0), sp.Le(b, h - 1)),
    because="`V` is a mode of the Gram matrix",
    defines=False,
)
SOME_MODE = [  # ones are a mode of any matrix whose columns all add up to lambda
    Equation(V[a], ONCE, (a,)),
    Equation(
        A[a, b],
        Z[a, b] + sp.KroneckerDelta(a, 0) * (lam - total(Z[k, b], (k, ZERO, h - 1))),
        (a, b),
    ),
]


def telescoped(chain: Derivation, body: Callable[[Term], Term], factor: Term, step: Step) -> Derivation:
    """The chain from body(t) to factor^t body(0), where `step` leads from body(k + 1) to factor body(k), k >= 0.

    The sum of factor^(t-k) body(k) over k = 0..t is told in two ways: by its last term, and by its first.
    """

    def terms(index: Term) -> Term:
        return factor ** (t - index) * body(index)

    whole = total(terms(k), (k, ZERO, t))
    but_last, same = total(terms(k), (k, ZERO, t - 1)), total(terms(j), (j, ZERO, t - 1))
    chain = (
        chain.ring(body(t) + but_last - same, because="the same sum added and taken away")
        .backwards("single", total(terms(z), (z, t, t)) + but_last - same, k=z, because="a sum over one place")
        .ring(total(terms(k), (k, t, t)) + but_last - same, because="call `z` `k`")
        .backwards("split", whole - same, k=k, at=t - 1, because="the two together run from 0 to `t`")
        .split(k, ZERO, because="now the first term apart")
        .ring(total(terms(z), (z, ZERO, ZERO)) + total(terms(k), (k, ONCE, t)) - same, because="call `k` `z`")
        .single(z)
        .shift(k, k, by=ONCE, because="put `k + 1` for `k`")
    )
    chain = step(chain)
    return chain.power(factor, t - j).ring(factor**t * body(ZERO), because="the two sums cancel")


def _projected(at: Term) -> Term:
    return total(V[a] * E[at, a], CELLS)


def _mode_step() -> Theorem:
    """One step multiplies the part of the error along a mode."""
    inner = total(A[a, b] * E[t, b], (b, ZERO, h - 1))
    moved = total(-2 * r * V[c] * total(A[c, b] * E[t, b], (b, ZERO, h - 1)), (c, ZERO, h - 1))
    return (
        Derivation(_projected(t + 1), sp.Ge(t, 0), sp.Ge(h, 0), DESCENT, MODE)
        .equation(DESCENT)
        .ring(total(V[a] * E[t, a] - 2 * r * V[a] * inner, CELLS), because="multiply out")
        .linear(a)
        .ring(_projected(t) + moved, because="call the second `a` `c`")
        .into(b)
        .swap(c, b)
        .out(c)
        .equation(MODE, at={b: b})
        .out(b)
        .ring((1 - 2 * r * lam) * _projected(t))
        .qed(
            (1 - 2 * r * lam) * _projected(t),
            "learning/step",
            "A step of descent multiplies the error along a mode by `1 - 2 lambda r`",
            witness=SOME_MODE,
        )
    )


def _modes() -> Theorem:
    """So t steps multiply it by the t-th power."""
    one = _mode_step()
    factor = 1 - 2 * r * lam
    start = Derivation(_projected(t), sp.Ge(t, 0), sp.Ge(h, 0), DESCENT, MODE)
    return telescoped(start, _projected, factor, lambda chain: chain.lemma(one, at={t: k})).qed(
        factor**t * _projected(ZERO),
        "learning/modes",
        "After `t` steps it is multiplied by `(1 - 2 lambda r)^t`",
        witness=SOME_MODE,
    )


ROWS, COLUMNS = (i, ZERO, sp.Integer(5)), (j, ZERO, sp.Integer(6))
LIGHT = Equation(
    X[i, j],
    Iverson(sp.Or(sp.Le(j, 1), sp.Ge(j, 6))),
    (i, j),
    because="the lectures' picture: 6 x 8, columns 2 to 5 dark",
)


def _edge_entry(first: int, second: int, apart: int, last: int) -> Theorem:
    """The sum of X[i, j + first] X[i, j + second]: light on columns up to `apart`, and from `last` on."""
    product = X[i, j + first] * X[i, j + second]
    chain = Derivation(total(product, ROWS, COLUMNS), LIGHT).equation(LIGHT)
    there = chain.term.function.subs(j, k)
    value = 6 * (apart + 1 + 7 - last)
    chain = (
        chain.split(j, apart, because="the light columns on the left apart")
        .ring(
            total(
                total(chain.term.function, (j, ZERO, sp.Integer(apart))) + total(there, (k, apart + 1, sp.Integer(6))),
                ROWS,
            ),
            because="call the other columns `k`",
        )
        .support(k, last, 6, because="up to there one of the two is dark")
    )
    for cell in sorted(chain.term.atoms(Iverson), key=str):
        chain = chain.arith(cell, ONCE, because="light")
    return chain.count(j, k, i).qed(
        sp.Integer(value),
        f"learning/edge-gram-{first}{second}",
        f"The edge picture: the Gram matrix has `A[{first}, {second}] = {value}`",
        about=""
        if (first, second) != (0, 0)
        else "The kernel has two cells, so the Gram matrix is 2 by 2; it is symmetric.",
    )


EDGE_DESCENT = Equation(
    E[s + 1, a],
    E[s, a] - 2 * r * (18 * E[s, a] + 12 * E[s, 1 - a]),
    (s, a),
    (sp.Ge(s, 0), sp.Ge(a, 0), sp.Le(a, 1)),
    because="one step of descent on the edge picture",
    defines=False,
)
EDGE_MODES = {"sum": (1, 30), "difference": (-1, 6)}


def _edge_along(sign: int) -> Callable[[Term], Term]:
    """The error along the mode (1, sign)."""
    return lambda at: E[at, 0] + sign * E[at, 1]


def _edge_factor(eigenvalue: int) -> Term:
    return 1 - 2 * eigenvalue * r


def _edge_mode(name: str) -> Theorem:
    """What t steps do to the sum, or the difference, of the two errors."""
    sign, eigenvalue = EDGE_MODES[name]
    body, factor = _edge_along(sign), _edge_factor(eigenvalue)
    before = (k, ZERO, t - 1)
    power = factor ** (t - 1 - k)

    def step(chain: Derivation) -> Derivation:
        rest = [piece for piece in chain.term.args if not piece.has(E[k + 1, 0])]
        for cell in (0, 1):
            chain = chain.equation(EDGE_DESCENT, at={s: k, a: cell})
        return chain.ring(sp.Add(total(power * factor * body(k), before), *rest), because="put together")

    return telescoped(Derivation(body(t), sp.Ge(t, 0), EDGE_DESCENT), body, factor, step).qed(
        factor**t * body(ZERO),
        f"learning/edge-{name}",
        f"The edge picture: the {name} of the errors is the mode of eigenvalue {eigenvalue}",
    )


def _edge_loss() -> Theorem:
    """The loss after t steps, from any start."""
    loss = 18 * E[t, 0] ** 2 + 24 * E[t, 0] * E[t, 1] + 18 * E[t, 1] ** 2
    start = Derivation(loss, sp.Ge(t, 0), EDGE_DESCENT)
    parts = [(15, *EDGE_MODES["sum"]), (3, *EDGE_MODES["difference"])]
    squares = sp.Add(*(weight * _edge_along(sign)(t) ** 2 for weight, sign, _ in parts))
    chain = start.ring(squares, because="along the modes").lemma(_edge_mode("sum")).lemma(_edge_mode("difference"))
    return chain.qed(
        sp.Add(
            *(weight * _edge_factor(value) ** (2 * t) * _edge_along(sign)(ZERO) ** 2 for weight, sign, value in parts)
        ),
        "learning/edge-loss",
        "The edge picture: the loss after `t` steps of gradient descent",
        about="Here `E[t, 0]` and `E[t, 1]` are what is wrong with the two weights after `t` steps, and the loss is "
        "the sum of squares that the Gram matrix gives.",
    )


def _edge_form() -> Theorem:
    """The loss on the edge picture is a form in the two errors."""
    wrong = E[t, 0] * X[i, j] + E[t, 1] * X[i, j + 1]
    squares = E[t, 0] ** 2 * X[i, j] ** 2 + E[t, 1] ** 2 * X[i, j + 1] ** 2
    cross = 2 * E[t, 0] * E[t, 1] * X[i, j] * X[i, j + 1]
    chain = Derivation(total(wrong**2, ROWS, COLUMNS), LIGHT)
    chain = chain.ring(total(squares + cross, ROWS, COLUMNS), because="the square of a sum")
    chain = chain.linear(j).linear(i).out(j).out(i)
    for entry in EDGE_ENTRIES:
        chain = chain.lemma(_edge_entry(*entry))
    return chain.qed(
        18 * E[t, 0] ** 2 + 24 * E[t, 0] * E[t, 1] + 18 * E[t, 1] ** 2,
        "learning/edge-form",
        "The edge picture: the loss by the errors of the two weights",
    )


EDGE_ENTRIES = [(0, 0, 1, 6), (0, 1, 0, 6), (1, 1, 0, 5)]


def _edge_rates() -> Theorem:
    """Both modes shrink exactly for rates between 0 and 1/30."""
    shrinks = sp.And(*(sp.Lt(sp.Abs(_edge_factor(value)), 1) for _, value in EDGE_MODES.values()))
    between = sp.And(sp.Gt(r, 0), sp.Lt(30 * r, 1))
    return (
        Derivation(shrinks)
        .arith(shrinks, between, because="`-1 < 1 - 60 r` and `1 - 12 r < 1`; the other two follow")
        .qed(
            between,
            "learning/edge-rates",
            "The edge picture: both modes shrink if and only if `0 < r` and `30 r < 1`",
            about="Powers of a number go to 0 if and only if it is less than 1 in size. So descent comes to the kernel "
            "that made `Y`, from every start, exactly for rates between 0 and 1/30.",
        )
    )


def learning() -> Theorem:
    """The gradient; then what descent does with it, in general and on the lectures' picture."""
    edge = [*(_edge_entry(*entry) for entry in EDGE_ENTRIES), _edge_form()]
    edge += [*map(_edge_mode, EDGE_MODES), _edge_loss(), _edge_rates()]
    return named(loss_near(ONE), "learning", parts=[loss_near(TWO), _gram(), _mode_step(), _modes(), *edge])


def chapter() -> list[Theorem]:
    """The theorems of this chapter, in reading order."""
    return [learning()]
