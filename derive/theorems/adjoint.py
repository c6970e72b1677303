r"""Backwards through a convolution layer: the adjoint of correlation, and the gradients of a layer.

Main results: `adjoint` (pairing an output with corr(X, K) is pairing its transposed convolution with the input X; on
one and two axes, with channels, with a stride) and `gradients` (with respect to input, kernel and bias at once).

Notation: an input X of n cells (place k), a kernel K of h cells (a), n - h + 1 outputs (place i) and a number Y[i] for
each of them: anything at all in `adjoint`, the derivatives of a loss by the outputs in `gradients`. h1, n1 and so on
where there are several axes; f of g channels in, o of q channels out. S, D, e are changes of X, K and the bias u, and
t says how far one goes in their direction.

What a gradient is needs no limit here. The layer is a polynomial in t; the numbers that stand at t, paired with the
changes, are the derivatives, and the theorem writes down all that stands at higher powers too.
References: Goodfellow, Bengio and Courville, Deep Learning, 9.5; Dumoulin and Visin, arXiv:1603.07285, 4.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import sympy as sp

from derive.blackboard import Derivation, Support, arrays, integers, named, reals, total
from derive.kernel import Theorem
from derive.terms import Term

f, o, g, q, k, i, a, n, h, s = integers("f o g q k i a n h s")
u, e = reals("u e")
K, X, Y, D, S, U, V = arrays("K X Y D S U V")

Limits = tuple[Term, Term, Term]


@dataclass(frozen=True)
class Layer:
    """The letters of a layer on some axes, one list a letter, and its channels if it has any."""

    axes: int
    channels: bool = False

    def letters(self, letter: str) -> list[Term]:
        """A letter for each axis: h on one axis, h1 and h2 on two."""
        numbers = [""] if self.axes == 1 else [str(axis) for axis in range(1, self.axes + 1)]
        return list(integers(" ".join(letter + number for number in numbers)))

    def cells(self, letter: str, last: Iterable[Term]) -> list[Limits]:
        """The ranges from 0 to a last place on each axis."""
        return [(index, sp.Integer(0), end) for index, end in zip(self.letters(letter), last, strict=True)]

    @property
    def kernel(self) -> list[Limits]:
        """The cells of a kernel for one output channel, channels in first."""
        return [(f, sp.Integer(0), g - 1)] * self.channels + self.cells("a", [size - 1 for size in self.letters("h")])

    @property
    def outputs(self) -> list[Limits]:
        """The places of the output, channels first."""
        sizes = zip(self.letters("n"), self.letters("h"), strict=True)
        return [(o, sp.Integer(0), q - 1)] * self.channels + self.cells("i", [size - span for size, span in sizes])

    @property
    def inputs(self) -> list[Limits]:
        """The places of the input, channels first."""
        return [(f, sp.Integer(0), g - 1)] * self.channels + self.cells("k", [size - 1 for size in self.letters("n")])

    @property
    def sizes(self) -> list[Term]:
        """What is assumed of the sizes: an axis may be too short for the kernel by one cell, and have no output."""
        pairs = list(zip(self.letters("n"), self.letters("h"), strict=True))
        shapes = [sp.Ge(h_, 1) for _, h_ in pairs] + [sp.Ge(n_, h_ - 1) for n_, h_ in pairs]
        return [sp.Ge(g, 0), sp.Ge(q, 0)] * self.channels + shapes

    @property
    def weaker_sizes(self) -> list[Term]:
        """The same, with kernels that may be empty."""
        return [sp.Ge(given.lhs, 0) if given.rhs == 1 else given for given in self.sizes]

    def output(self, array: Term, back: bool = False) -> Term:
        """An entry at an output; `back`: at the output that reads input k by its cell a."""
        here = [k_ - a_ for k_, a_ in zip(self.letters("k"), self.letters("a"), strict=True)]
        return array[tuple([o] * self.channels + (here if back else self.letters("i")))]

    def input(self, array: Term, read: bool = True) -> Term:
        """An entry of the input; `read`: as output i reads it by its cell a."""
        there = [i_ + a_ for i_, a_ in zip(self.letters("i"), self.letters("a"), strict=True)]
        return array[tuple([f] * self.channels + (there if read else self.letters("k")))]

    def weight(self, array: Term) -> Term:
        """An entry of the kernel."""
        return array[tuple([o, f] * self.channels + self.letters("a"))]

    @property
    def biases(self) -> tuple[Term, Term]:
        """The bias and its change."""
        return (U[o], V[o]) if self.channels else (u, e)

    def corr(self, weights: Term = K, inputs: Term = X) -> Term:
        """The correlation, at output i."""
        return total(self.weight(weights) * self.input(inputs), *self.kernel)

    def transposed(self, weights: Term = K) -> Term:
        """The transposed convolution of Y, at input k."""
        outputs = [(o, sp.Integer(0), q - 1)] * self.channels
        return total(self.weight(weights) * self.output(Y, back=True), *outputs, *self.kernel[self.channels :])

    @property
    def padded(self) -> Support:
        """Y is zero where there is no output."""
        ends: list[tuple[Term, Term]] = [(low, high) for _, low, high in self.outputs[self.channels :]]
        box = [(None, None)] * self.channels + ends
        return Support(Y, tuple(box), because="no output lies outside")

    def name(self, stem: str) -> str:
        """The name of a theorem for this layer."""
        parts = ([f"{self.axes}d"] if self.axes > 1 else []) + ["channels"] * self.channels
        return "/".join([stem, "-".join(parts)] if parts else [stem])


def ordered(chain: Derivation, signs: Sequence[Term], wanted: Sequence[Term]) -> Derivation:
    """The chain, its nested sums brought from one order to another by exchanging neighbours."""
    now = list(signs)
    for place, sign in enumerate(wanted):
        while now.index(sign) > place:
            at = now.index(sign)
            chain = chain.swap(now[at - 1], sign)
            now[at - 1], now[at] = now[at], now[at - 1]
    return chain


def _indices(limits: Iterable[Limits]) -> list[Term]:
    return [index for index, _, _ in limits]


def correlation_adjoint(layer: Layer) -> Theorem:
    """<Y, corr(X, K)> = <corrT(Y, K), X>, read as a statement about the input."""
    chain = Derivation(total(layer.output(Y) * layer.corr(), *layer.outputs), *layer.sizes, layer.padded)
    outputs, kernel = _indices(layer.outputs), _indices(layer.kernel)
    for index in kernel:
        chain = chain.into(index)
    chain = ordered(chain, outputs + kernel, kernel + outputs)
    letters = [layer.letters(letter) for letter in "ikan"]
    for i_, k_, a_, _ in zip(*letters, strict=True):
        chain = chain.shift(i_, k_, by=-a_)
    for _, k_, _, n_ in zip(*letters, strict=True):
        chain = chain.support(k_, 0, n_ - 1, because="outside the outputs `Y` is zero")
    inputs, ends = _indices(layer.inputs), outputs[: layer.channels] + layer.letters("a")
    chain = ordered(chain, kernel + outputs[: layer.channels] + layer.letters("k"), inputs + ends)
    for index in reversed(ends):
        chain = chain.out(index)
    axes = "one axis" if layer.axes == 1 else f"{layer.axes} axes"
    return chain.qed(
        total(layer.input(X, read=False) * layer.transposed(), *layer.inputs),
        layer.name("adjoint"),
        "Transposed convolution is the adjoint of correlation, " + axes + (" and channels" if layer.channels else ""),
    )


def kernel_adjoint(layer: Layer) -> Theorem:
    """<Y, corr(X, K)> = <corr(X, Y), K>, read as a statement about the kernel."""
    chain = Derivation(total(layer.output(Y) * layer.corr(), *layer.outputs), *layer.weaker_sizes)
    outputs, kernel = _indices(layer.outputs), _indices(layer.kernel)
    weights, places = outputs[: layer.channels] + kernel, outputs[layer.channels :]
    for index in kernel:
        chain = chain.into(index)
    chain = ordered(chain, outputs + kernel, weights + places)
    for index in reversed(places):
        chain = chain.out(index)
    ranges = layer.outputs[: layer.channels] + layer.kernel
    inner = total(layer.output(Y) * layer.input(X), *layer.outputs[layer.channels :])
    return chain.qed(
        total(layer.weight(K) * inner, *ranges),
        layer.name("adjoint/kernel"),
        "Paired with the kernel instead: the correlation of input and output"
        + (f", {layer.axes} axes" if layer.axes > 1 else "")
        + (" and channels" if layer.channels else ""),
    )


def _strided() -> Theorem:
    """With a stride, output i writes its kernel from place s i on."""
    kernel = Support(K, ((0, h - 1),), because="the kernel has `h` cells")
    return (
        Derivation(
            total(Y[i] * total(K[a] * X[s * i + a], (a, 0, h - 1)), (i, 0, q - 1)),
            sp.Ge(h, 0),
            sp.Ge(q, 0),
            sp.Ge(s, 0),
            sp.Ge(n, 0),
            sp.Le(s * (q - 1) + h, n),
            kernel,
        )
        .into(a)
        .shift(a, k, by=-s * i)
        .support(k, 0, n - 1, because="outside its cells the kernel is zero")
        .swap(i, k)
        .out(i)
        .qed(
            total(X[k] * total(Y[i] * K[k - s * i], (i, 0, q - 1)), (k, 0, n - 1)),
            "adjoint/stride",
            "With stride `s`: each output writes the kernel, `s` cells further on than the one before",
        )
    )


ONE, TWO = Layer(1), Layer(2)
CHANNELS = Layer(2, channels=True)


def adjoint() -> Theorem:
    """One axis, and two, channels, stride, and the same for the kernel."""
    parts = [correlation_adjoint(TWO), correlation_adjoint(CHANNELS), _strided()]
    return named(correlation_adjoint(ONE), "adjoint", parts=[*parts, kernel_adjoint(ONE), kernel_adjoint(CHANNELS)])


WITH_RESPECT_TO = {"X": "the input", "K": "the kernel", "u": "the bias"}


def layer_gradients(layer: Layer, moved: str = "XKu") -> Theorem:
    """Y paired with the layer where some of X, K, u have changed: as before, plus gradients paired with changes.

    Where X and K both change there is a rest, corr(S, D): the one product of two changes.
    """
    bias, change = layer.biases
    weights, inputs = [K, D][: 1 + ("K" in moved)], [X, S][: 1 + ("X" in moved)]
    products = [layer.weight(one) * layer.input(other) for one in weights for other in inputs]
    changes = [layer.corr(one, other) for one in weights for other in inputs][1:]
    first = sp.Add(*map(layer.weight, weights)) * sp.Add(*map(layer.input, inputs))
    new_bias = bias + (change if "u" in moved else 0)
    support = [layer.padded] if "X" in moved else []
    sizes = layer.sizes if "X" in moved else layer.weaker_sizes
    chain = Derivation(
        total(layer.output(Y) * (new_bias + total(first, *layer.kernel)), *layer.outputs), *sizes, *support
    )
    if changes:
        chain = chain.ring(
            total(layer.output(Y) * (new_bias + total(sp.Add(*products), *layer.kernel)), *layer.outputs),
            because="multiply out",
        )
        for index in reversed(_indices(layer.kernel)):
            chain = chain.linear(index)
    before = layer.output(Y) * (bias + layer.corr())
    by_bias = [change * layer.output(Y)] if "u" in moved else []
    terms = [before, *by_bias, *(layer.output(Y) * one for one in changes)]
    chain = chain.ring(total(sp.Add(*terms), *layer.outputs), because="what was there before, and the changes")
    for index in reversed(_indices(layer.outputs)):
        chain = chain.linear(index)
    if "u" in moved:
        chain = _bias_out(chain, layer, [total(term, *layer.outputs) for term in terms if term not in by_bias])
    if "X" in moved:
        chain = chain.lemma(correlation_adjoint(layer), arrays={X: S})
    if "K" in moved:
        chain = chain.lemma(kernel_adjoint(layer), arrays={K: D})
    channels, places = layer.outputs[: layer.channels], layer.outputs[layer.channels :]
    gradients = {
        "X": total(layer.input(S, read=False) * layer.transposed(), *layer.inputs),
        "K": total(layer.weight(D) * total(layer.output(Y) * layer.input(X), *places), *channels, *layer.kernel),
        "u": total(change * total(layer.output(Y), *places), *channels),
    }
    rest = [total(layer.output(Y) * layer.corr(D, S), *layer.outputs)] if "X" in moved and "K" in moved else []
    last = sp.Add(total(before, *layer.outputs), *(gradients[letter] for letter in moved), *rest)
    if len(moved) > 1:
        return chain.qed(last, layer.name("gradients"), "The gradients of a layer", about=GRADIENTS)
    name = {"X": "input", "K": "kernel", "u": "bias"}[moved]
    title = f"The gradient with respect to {WITH_RESPECT_TO[moved]}, on {layer.axes} axes with channels"
    return chain.qed(last, f"gradients/{name}", title)


def _bias_out(chain: Derivation, layer: Layer, others: list[Term]) -> Derivation:
    """The chain, the change of the bias taken out of the sums over the output's places."""
    change, places = layer.biases[1], layer.outputs[layer.channels :]
    for inside in reversed(range(len(places))):
        pulled = change * total(layer.output(Y), *places[inside:])
        to = sp.Add(*others, total(pulled, *layer.outputs[: layer.channels + inside]))
        index = places[inside][0]
        chain = chain.backwards("into", to, k=index, because=f"the bias is the same at every `{index}`")
    return chain


GRADIENTS = (
    "Read `Y[i]` as the derivative of a loss by output `i`. What `D[a]`, `S[k]` and `e` are paired with are then the "
    "derivatives by `K[a]`, `X[k]` and `u`: the correlation of the input with `Y`, the transposed convolution of `Y` "
    "with `K`, and the sum of `Y`. Nothing is neglected: the rest, of second order, is the correlation of the changes."
)


def gradients() -> Theorem:
    """One axis, all three at once; two axes with channels, as `Conv2d` has them, one by one."""
    return named(layer_gradients(ONE), "gradients", parts=[layer_gradients(CHANNELS, letter) for letter in "XKu"])


def chapter() -> list[Theorem]:
    """The theorems of this chapter, in reading order."""
    return [adjoint(), gradients()]
