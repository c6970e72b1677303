r"""LaTeX into the tokens of `derive.claim_parser`; the one file that imports pylatexenc, which takes the LaTeX apart.

Main definition: `tokens`. SymPy's own reader was tried first: it takes seconds a formula, takes d(k-1) for a function
applied to k-1, knows neither `\bmod` nor `\mid` nor Greek letters beside numbers, and evaluates what it reads.
One letter is one name, with what hangs below it: `n_h`, `n_{h}`, `\Delta`, `\text{stride}`; side by side is a product.
"""

from __future__ import annotations

from typing import Any, NoReturn

from derive.claim_parser import ClaimError, Token

_SIGNS = {
    "lfloor": "⌊", "rfloor": "⌋", "lceil": "⌈", "rceil": "⌉", "lvert": "‖(", "rvert": "‖)", "cdot": "*", "times": "*",
    "div": "/", "le": "<=", "leq": "<=", "leqslant": "<=", "ge": ">=", "geq": ">=", "geqslant": ">=", "lt": "<",
    "gt": ">", "ne": "!=", "neq": "!=", "mid": "|", "bmod": "%", "mod": "%", "land": "and", "wedge": "and", "lor": "or",
    "vee": "or", "lnot": "not", "neg": "not", "implies": "=>", "Rightarrow": "=>", "Longrightarrow": "=>", "to": "=>",
    "iff": "<=>", "Leftrightarrow": "<=>", "Longleftrightarrow": "<=>", "in": "in", "lbrace": "(",
    "rbrace": ")", "{": "(", "}": ")",
}  # fmt: skip
_SPACES = frozenset(
    {
        ",",
        ";",
        ":",
        "!",
        " ",
        ">",
        "quad",
        "qquad",
        "left",
        "right",
        "displaystyle",
        "textstyle",
        "limits",
        "bigl",
        "bigr",
    }
    | {"Bigl", "Bigr", "biggl", "biggr", "Biggl", "Biggr", "big", "Big", "allowbreak", "enspace", "thinspace"}
)
_FRACTIONS = frozenset({"frac", "dfrac", "tfrac", "cfrac"})
_WORDS = frozenset({"text", "mathrm", "operatorname", "mathit", "textit", "textrm", "mathsf", "mathtt", "mathbb"})
_FUNCTIONS = frozenset({"min", "max"})
_GREEK = frozenset({
    "alpha", "beta", "gamma", "delta", "epsilon", "varepsilon", "zeta", "eta", "theta", "iota", "kappa", "lambda",
    "mu", "nu", "xi", "pi", "rho", "sigma", "tau", "upsilon", "phi", "varphi", "chi", "psi", "omega", "Gamma",
    "Delta", "Theta", "Lambda", "Xi", "Pi", "Sigma", "Upsilon", "Phi", "Psi", "Omega", "ell",
})  # fmt: skip
_JOINING = frozenset({"and", "or", "not", "implies", "iff", "divides"})
_MEANT = {"implies": "=>", "iff": "<=>", "divides": "|", "ceiling": "ceil"}
_PLAIN = "+-*/=<>|(),%"
MAX_GROUPS = 60


def tokens(source: str) -> list[Token]:
    r"""The tokens of a formula in LaTeX, each with its place in the source; ClaimError for what is not understood.

    >>> " ".join(token.text for token in tokens(r"\left\lfloor\frac{n_h-k_h}{s_h}\right\rfloor \le 2 n_h"))
    '⌊ ( ( n_h - k_h ) / ( s_h ) ) ⌋ <= 2 n_h'
    """
    deep = 0
    for place, sign in enumerate(source):
        deep += (sign == "{") - (sign == "}")
        if deep > MAX_GROUPS:
            raise ClaimError(f"more than {MAX_GROUPS} groups stand inside each other", source, place, place + 1)
    if source.count("\\left") > 2 * MAX_GROUPS or source.count("\\begin"):
        place = max(source.find("\\begin"), 0)
        raise ClaimError("this is more than one formula", source, place, place + 1)
    return _Reader(source).read()


class _Reader:
    """The tokens collected so far, and the walk over pylatexenc's nodes."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.found: list[Token] = []

    def read(self) -> list[Token]:
        try:
            from pylatexenc import latexwalker, macrospec
        except ImportError:
            raise ClaimError("LaTeX is read by pylatexenc: pip install pylatexenc", self.source, 0, 1) from None
        known = latexwalker.get_default_latex_context_db()
        known.add_context_category("amsmath", macros=[macrospec.std_macro(name, "{{") for name in sorted(_FRACTIONS)])
        walker = latexwalker.LatexWalker(self.source, latex_context=known, tolerant_parsing=False)
        try:
            nodes, _, _ = walker.get_latex_nodes()
        except latexwalker.LatexWalkerParseError as error:
            place = int(getattr(error, "pos", None) or 0)
            raise ClaimError(f"this is not LaTeX: {error.msg}", self.source, place, place + 1) from None
        self.nodes(nodes)
        return self.found

    def fail(self, message: str, node: Any) -> NoReturn:
        raise ClaimError(message, self.source, node.pos, node.pos + node.len)

    def put(self, kind: str, text: str, start: int, end: int) -> None:
        self.found.append(Token(kind, text, start, end))

    def nodes(self, nodes: list[Any]) -> None:
        """The tokens of nodes that stand side by side; a `_` or `'` belongs to the name before it."""
        lowered = False  # an underscore waits for what hangs below
        for node in nodes:
            kind = type(node).__name__
            if lowered and kind in ("LatexGroupNode", "LatexMacroNode"):
                self.lower(self.plain(node), node)
                lowered = False
            elif kind == "LatexCharsNode":
                lowered = self.chars(node, lowered)
            elif kind == "LatexGroupNode":
                self.group(node)
            elif kind == "LatexMacroNode":
                self.macro(node)
            elif kind == "LatexMathNode":
                self.nodes(node.nodelist)
            elif kind != "LatexCommentNode":
                self.fail("this has no meaning in a claim", node)
        if lowered:
            self.fail("an underscore with nothing below it", nodes[-1])

    def chars(self, node: Any, lowered: bool) -> bool:
        """The tokens of plain characters; whether they end with an underscore."""
        place, text = node.pos, node.chars
        at = 0
        while at < len(text):
            sign, start = text[at], place + at
            at += 1
            if sign.isspace():
                continue
            if lowered:
                self.lower(sign, node)
                lowered = False
            elif sign == "_":
                lowered = True
            elif sign == "'":
                self.prime(start)
            elif sign.isdigit():
                while at < len(text) and text[at].isdigit():
                    at += 1
                self.put("number", text[start - place : at], start, place + at)
            elif sign.isalpha():
                self.put("name", sign, start, start + 1)
            else:
                self.sign(text, sign, start)
        return lowered

    def sign(self, text: str, sign: str, start: int) -> None:
        before = self.found[-1] if self.found else None
        if before is not None and before.end == start and before.text + sign in ("<=", ">=", "==", "//", "=>", "!="):
            self.found[-1] = Token("sign", before.text + sign, before.start, start + 1)
        elif before is not None and before.end == start and sign == "=" and before.text == "==":
            self.found[-1] = Token("sign", "==", before.start, start + 1)
        elif sign == "=":
            self.put("sign", "==", start, start + 1)
        elif sign == "^" or sign in _PLAIN or sign == "!":
            self.put("sign", sign, start, start + 1)
        else:
            raise ClaimError(f"{sign!r} means nothing here", self.source, start, start + 1)

    def prime(self, start: int) -> None:
        if not self.found or self.found[-1].kind != "name":
            raise ClaimError("a prime belongs behind a letter", self.source, start, start + 1)
        last = self.found[-1]
        self.found[-1] = Token("name", last.text + "'", last.start, start + 1)

    def lower(self, below: str, node: Any) -> None:
        if not self.found or self.found[-1].kind != "name" or not below.replace("_", "").isalnum():
            self.fail("only a letter may have letters or numbers below it", node)
        last = self.found[-1]
        self.found[-1] = Token("name", f"{last.text}_{below}", last.start, node.pos + node.len)

    def plain(self, node: Any) -> str:
        """The letters and numbers of a group, joined: what hangs below a name, or the word in a `\text`."""
        kind = type(node).__name__
        if kind == "LatexCharsNode":
            return "".join(node.chars.replace(",", "_").split())
        if kind == "LatexGroupNode":
            return "".join(self.plain(piece) for piece in node.nodelist)
        if kind == "LatexMacroNode" and node.macroname in _GREEK:
            return str(node.macroname)
        if kind == "LatexMacroNode" and node.macroname in _WORDS and node.nodeargd.argnlist:
            return self.plain(node.nodeargd.argnlist[-1])
        self.fail("only letters and numbers can stand here", node)

    def group(self, node: Any) -> None:
        self.put("sign", "(", node.pos, node.pos + 1)
        self.nodes(node.nodelist)
        self.put("sign", ")", node.pos + node.len - 1, node.pos + node.len)

    def macro(self, node: Any) -> None:
        name, start, end = node.macroname, node.pos, node.pos + node.len
        if name in _SPACES:
            return
        if name in _SIGNS:
            self.put("sign", _SIGNS[name], start, start + 1 + len(name))
        elif name in _FUNCTIONS or name in _GREEK:
            self.put("name", name, start, start + 1 + len(name))
        elif name in _FRACTIONS and node.nodeargd and len(node.nodeargd.argnlist) == 2:
            self.fraction(node)
        elif name in _WORDS and node.nodeargd and node.nodeargd.argnlist:
            self.word(self.plain(node.nodeargd.argnlist[-1]), node)
        else:
            raise ClaimError(f"\\{name} has no meaning in a claim", self.source, start, end)

    def fraction(self, node: Any) -> None:
        above, below = node.nodeargd.argnlist
        self.put("sign", "(", node.pos, node.pos + 1)
        for piece, sign in ((above, "/"), (below, ")")):
            if type(piece).__name__ == "LatexGroupNode":
                self.group(piece)
            else:
                self.nodes([piece])
            self.put("sign", sign, piece.pos + piece.len - 1, piece.pos + piece.len)

    def word(self, word: str, node: Any) -> None:
        """A word from `\text{...}`: a sign such as `and`, or a name."""
        if not word:
            return
        kind = "sign" if word in _JOINING else "name"
        self.put(kind, _MEANT.get(word, word), node.pos, node.pos + node.len)
