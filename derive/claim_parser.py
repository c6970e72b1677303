r"""Claims as a user types them: plain notation into trees, a caret under whatever cannot be read.

Main definitions: `parse` (text -> `Node`), `ClaimError` (what is wrong and where).
Notation, loosest first: `<=>`, `=>` or `implies`, `or`, `and`, `not`; `=` or `==`, `!=`, `<=`, `<`, `>=`, `>`, `s | n`
(s divides n), `x in Z`, in chains too; `+ -`; `* / // %`, where `/` divides exactly and `//` rounds down; a sign; `^`
or `**` with a written exponent. Functions: floor, ceil, min, max, abs, divides(s, n), integer(x). A number may stand
before a letter or bracket without `*`. Text with a backslash is LaTeX and read by `derive.claim_latex`, to the same
tokens. Nothing is evaluated here, and lengths, depths, exponents and digits are limited: hostile text costs nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from difflib import get_close_matches
from typing import NamedTuple, NoReturn

from derive.claim_terms import COMPARISONS, FUNCTIONS, Node, walk

MAX_LENGTH = 5_000  # characters
MAX_DEPTH = 60  # brackets inside each other
MAX_NODES = 600
MAX_LEVELS = 100  # of the tree; each sign of a sum is one
MAX_DIGITS = 100  # of one number
MAX_EXPONENT = 16
MAX_BITS = 50_000  # of any value, with 64 bits for a letter


class ClaimError(ValueError):
    """What is wrong with a claim; `source` is the text it stands in, `start` and `end` the place."""

    def __init__(self, message: str, source: str, start: int, end: int) -> None:
        super().__init__(message)
        self.message = message
        self.source = source
        self.start = max(0, min(start, len(source)))
        self.end = max(self.start + 1, end)

    def __str__(self) -> str:
        return f"{self.message}\n{self.excerpt()}"

    def excerpt(self, wide: int = 90) -> str:
        """The text around the place, and below it a caret."""
        source = "".join(sign if sign.isprintable() else " " for sign in self.source)
        first = max(0, min(self.start - wide // 2, len(source) - wide))
        shown = source[first : first + wide]
        before, after = "..." if first else "", "..." if first + wide < len(source) else ""
        carets = "^" * max(1, min(self.end - self.start, len(shown) - (self.start - first)))
        return f"  {before}{shown}{after}\n  {' ' * (len(before) + self.start - first)}{carets}"


class Token(NamedTuple):
    """A word of a claim: its kind (number, name, sign or end), what it says, and its place."""

    kind: str
    text: str
    start: int
    end: int


_TOKEN = re.compile(
    r"""(?P<number>\d+) | (?P<name>[^\W\d_]\w*'*)
      | (?P<sign> <=> | <-> | ==> | => | -> | == | != | <= | >= | \*\* | // | && | \|\|
                | [-+*/%^=<>|(),⌊⌋⌈⌉≤≥≠·×÷−∧∨¬⇒⇔∣∈ℤ] )
    """,
    re.VERBOSE,
)
SAME = {
    "<->": "<=>", "⇔": "<=>", "iff": "<=>", "==>": "=>", "->": "=>", "⇒": "=>", "implies": "=>", "&&": "and",
    "∧": "and", "||": "or", "∨": "or", "¬": "not", "=": "==", "≤": "<=", "≥": ">=", "≠": "!=", "·": "*", "×": "*",
    "÷": "/", "−": "-", "**": "^", "∣": "|", "∈": "in", "ℤ": "Z", "mod": "%", "ceiling": "ceil",
}  # fmt: skip
WORDS = frozenset({"and", "or", "not", "implies", "iff", "in", "mod"})
CLOSING = {"(": ")", "⌊": "⌋", "⌈": "⌉", "‖(": "‖)"}


def parse(source: str, *, claim: bool = True) -> Node:
    """The tree of a claim, or with `claim` false of a condition, where a comma may stand for `and`.

    >>> str(parse("floor((n-k+p+s)/s) = ((n - k) + p)//s + 1"))
    'floor((n-k+p+s)/s) == (n-k+p)//s+1'
    >>> parse("n + * 2 == k")
    Traceback (most recent call last):
    derive.claim_parser.ClaimError: expected a number, a letter or a bracket, found *
      n + * 2 == k
          ^
    """
    if len(source) > MAX_LENGTH:
        raise ClaimError(
            f"the claim is {len(source):,} characters long, more than {MAX_LENGTH:,}", source, MAX_LENGTH, 0
        )
    latex = "\\" in source or "_{" in source or "^{" in source
    if latex:
        from derive.claim_latex import tokens as read
    else:
        read = _tokens
    parser = _Parser(source, [*read(source), Token("end", "the end", len(source), len(source))], latex)
    return _bounded(parser.whole(claim), source)


def _tokens(source: str) -> list[Token]:
    found: list[Token] = []
    place = 0
    while place < len(source):
        if source[place].isspace():
            place += 1
            continue
        match = _TOKEN.match(source, place)
        if match is None:
            raise ClaimError(f"{source[place]!r} means nothing here", source, place, place + 1)
        word = match[0]
        kind = str(match.lastgroup)
        found.append(Token("sign" if word in WORDS else kind, SAME.get(word, word), place, match.end()))
        place = match.end()
    return found


def _bounded(tree: Node, source: str) -> Node:
    """The tree, if no value of it can become enormous."""
    nodes = list(walk(tree))
    if len(nodes) > MAX_NODES:
        raise ClaimError(f"the claim joins {len(nodes):,} pieces, more than {MAX_NODES:,}", source, tree.start, 0)
    bits: dict[int, int] = {}
    for node in reversed(nodes):  # what is below comes first
        own = int(node.value).bit_length() + 1 if node.op == "number" else 64
        below = sum(bits[id(arg)] for arg in node.args)
        bits[id(node)] = below * max(1, int(node.value)) if node.op == "^" else below if node.args else own
        if bits[id(node)] > MAX_BITS:
            raise ClaimError("these powers and products grow too large", source, node.start, node.end)
    return tree


class _Parser:
    """Recursive descent over tokens; `latex` lets letters stand side by side as a product."""

    def __init__(self, source: str, tokens: list[Token], latex: bool) -> None:
        self.source = source
        self.tokens = tokens
        self.latex = latex
        self.place = 0
        self.depth = 0
        self.levels: dict[int, int] = {}  # how high the tree below a node is; the nodes are kept by `made`
        self.made: list[Node] = []

    # Tokens

    @property
    def next(self) -> Token:
        return self.tokens[self.place]

    def take(self) -> Token:
        token = self.next
        self.place += token.kind != "end"
        return token

    def at(self, *signs: str) -> bool:
        return self.next.kind == "sign" and self.next.text in signs

    def fail(self, message: str, at: Token | Node | None = None) -> NoReturn:
        at = at or self.next
        raise ClaimError(message, self.source, at.start, at.end)

    def expect(self, sign: str, why: str) -> Token:
        if not self.at(sign):
            self.fail(f"expected {sign} {why}, found {self.next.text}")
        return self.take()

    def node(self, op: str, *args: Node, start: int | None = None, value: int | str = 0) -> Node:
        first = args[0].start if start is None else start
        made = Node(op, args, value, first, max(self.tokens[self.place - 1].end, first + 1))
        self.made.append(made)
        self.levels[id(made)] = 1 + max((self.levels[id(arg)] for arg in args), default=0)
        if self.levels[id(made)] > MAX_LEVELS:
            self.fail(f"more than {MAX_LEVELS} signs build on each other", self.tokens[self.place - 1])
        return made

    # From the loosest sign to the tightest

    def whole(self, claim: bool) -> Node:
        if self.next.kind == "end":
            self.fail("there is nothing to check" if claim else "the condition is empty")
        tree = self.formula()
        while not claim and self.at(","):
            self.take()
            tree = self.node("and", self.truth(tree), self.truth(self.formula()))
        if self.next.kind != "end":
            self.trailing()
        if not tree.truth:
            self.fail(
                f"this is a number; a {'claim' if claim else 'condition'} needs a relation such as == or <=", tree
            )
        return tree

    def trailing(self) -> NoReturn:
        if self.next.text in CLOSING.values():
            self.fail(f"{self.next.text} closes a bracket that was never opened")
        if self.next.kind in ("name", "number") or self.next.text in CLOSING:
            self.fail(f"a sign such as * is missing before {self.next.text}")
        self.fail(f"{self.next.text} is not expected here")

    def formula(self) -> Node:
        left = self.implication()
        while self.at("<=>"):
            self.take()
            left = self.node("<=>", self.truth(left), self.truth(self.implication()))
        return left

    def implication(self) -> Node:
        left = self.joined("or", lambda: self.joined("and", self.negation))
        if not self.at("=>"):
            return left
        self.take()
        self.deeper()
        right = self.implication()
        self.depth -= 1
        return self.node("=>", self.truth(left), self.truth(right))

    def joined(self, sign: str, operand: Callable[[], Node]) -> Node:
        first = operand()
        if not self.at(sign):
            return first
        parts = [self.truth(first)]
        while self.at(sign):
            self.take()
            parts.append(self.truth(operand()))
        return self.node(sign, *parts)

    def negation(self) -> Node:
        if not self.at("not"):
            return self.comparison()
        start = self.take().start
        self.deeper()
        inner = self.truth(self.negation())
        self.depth -= 1
        return self.node("not", inner, start=start)

    def comparison(self) -> Node:
        left = self.sum()
        found: list[Node] = []
        while self.at(*COMPARISONS, "|", "in") or self.next.text == "divides":
            sign = self.take()
            if sign.text == "in":
                if self.next.text != "Z":
                    self.fail(f"expected Z after in, found {self.next.text}")
                self.take()
                found.append(self.node("integer", self.numeric(left)))
                break
            right = self.sum()
            found.append(self.compared(sign, left, right))
            left = right
        return found[0] if len(found) == 1 else self.node("and", *found) if found else left

    def compared(self, sign: Token, left: Node, right: Node) -> Node:
        op = "divides" if sign.text == "|" else sign.text
        if left.truth and right.truth and op in ("==", "!="):
            same = self.node("<=>", left, right)
            return same if op == "==" else self.node("not", same)
        return self.node(op, self.numeric(left), self.numeric(right))

    def sum(self) -> Node:
        left = self.product()
        while self.at("+", "-"):
            sign = self.take().text
            left = self.node(sign, self.numeric(left), self.numeric(self.product()))
        return left

    def product(self) -> Node:
        left = self.signed()
        divided = False
        while True:
            if self.at("*", "/", "//", "%"):
                sign = self.take().text
                left = self.node(sign, self.numeric(left), self.numeric(self.signed()))
                divided = sign != "*"
            elif self.side_by_side(left):
                if divided:
                    self.fail("does this stand above or below the line? Write brackets, as in n/(2*s) or (n/2)*s")
                left = self.node("*", self.numeric(left), self.numeric(self.power()))
            else:
                return left

    def side_by_side(self, left: Node) -> bool:
        """Whether a product without a sign follows: 2n, 2(n-1); in LaTeX also d(k-1) and n s."""
        starts = (self.next.kind == "name" and self.next.text != "divides") or self.next.text in ("(", "⌊", "⌈", "‖(")
        return starts and not left.truth and (self.latex or self.tokens[self.place - 1].kind == "number")

    def signed(self) -> Node:
        if not self.at("-", "+"):
            return self.power()
        sign = self.take()
        self.deeper()
        inner = self.numeric(self.signed())
        self.depth -= 1
        return self.node("neg", inner, start=sign.start) if sign.text == "-" else inner

    def power(self) -> Node:
        base = self.atom()
        if not self.at("^"):
            return base
        self.take()
        bracket = self.latex and self.at("(") and bool(self.take())
        exponent = self.take()
        if exponent.kind != "number" or len(exponent.text) > 2 or int(exponent.text) > MAX_EXPONENT:
            self.fail(f"an exponent must be a number from 0 to {MAX_EXPONENT}", exponent)
        if bracket:
            self.expect(")", "after the exponent")
        if self.at("^"):
            self.fail("write brackets to say which power is taken first")
        return self.node("^", self.numeric(base), value=int(exponent.text))

    def atom(self) -> Node:
        token = self.take()
        if token.kind == "number":
            if len(token.text) > MAX_DIGITS:
                self.fail(f"the number has {len(token.text)} digits, more than {MAX_DIGITS}", token)
            return self.node("number", start=token.start, value=int(token.text))
        if token.kind == "name":
            if token.text in FUNCTIONS or token.text == "divides":
                return self.call(token)
            if self.at("(") and not self.latex:
                self.fail(self.unknown(token.text), token)
            return self.node("letter", start=token.start, value=token.text)
        if token.text in CLOSING:
            inner = self.inside(token)
            op = {"⌊": "floor", "⌈": "ceil", "‖(": "abs"}.get(token.text)
            return self.node(op, self.numeric(inner), start=token.start) if op else inner
        if token.text in WORDS or token.kind == "end":
            self.fail(f"expected a number, a letter or a bracket, found {token.text}", token)
        self.fail(f"expected a number, a letter or a bracket, found {token.text}", token)

    def inside(self, opened: Token) -> Node:
        self.deeper()
        inner = self.formula()
        self.depth -= 1
        if not self.at(CLOSING[opened.text]):
            if self.next.kind == "end":
                self.fail(f"this {opened.text} is never closed", opened)
            self.fail(f"expected {CLOSING[opened.text]}, found {self.next.text}")
        self.take()
        return inner

    def call(self, name: Token) -> Node:
        self.expect("(", f"after {name.text}")
        self.deeper()
        args = [self.numeric(self.formula())]
        while self.at(","):
            self.take()
            args.append(self.numeric(self.formula()))
        self.depth -= 1
        self.expect(")", f"to end {name.text}(...)")
        least, most = FUNCTIONS.get(name.text, (2, 2))
        if not least <= len(args) <= most:
            self.fail(f"{name.text} takes {least if least == most else 'one or more'} arguments, not {len(args)}", name)
        return self.node(name.text, *args, start=name.start)

    def unknown(self, name: str) -> str:
        near = get_close_matches(name.lower(), [*FUNCTIONS, "divides"], 1)
        return f"there is no function {name}; " + (f"did you mean {near[0]}?" if near else f"a product is {name}*(...)")

    # Kinds

    def deeper(self) -> None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            self.fail(f"more than {MAX_DEPTH} brackets or signs stand inside each other")

    def truth(self, node: Node) -> Node:
        if not node.truth:
            self.fail("this is a number, and something true or false is expected", node)
        return node

    def numeric(self, node: Node) -> Node:
        if node.truth:
            self.fail("this is true or false, and a number is expected", node)
        return node
