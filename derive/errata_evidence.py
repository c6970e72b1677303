r"""What a machine says of each mistake of the lecture notes.

Main definitions: `Case`, through which a function says what it saw, and one function for each mistake of
`derive.errata.MISTAKES`, in groups: sizes; convolution and correlation; axes, windows and layers; counting.

A claim is put to `derive.claims`: what is written is refuted by its smallest counterexample, and what is true instead
is proved. A sum or an integral is evaluated by `derive.semantics`, a theorem of the book is rechecked, printed code is
run as it stands, a printed table is held against the shape that `shapecheck` predicts, and torch, where it is
installed, is asked for the order of its axes.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from derive.claims import PROVED, REFUTED, check

FOUND, NOT_FOUND, NOT_CHECKED = "found", "not found", "not checked"

TIMEOUT = 20.0  # seconds for each claim
MODELS = 50  # environments in which a term is evaluated
SPAN, CELLS = 3, 12  # of a stack of layers and its input

X = [[0, 1, 2], [3, 4, 5], [6, 7, 8]]  # the lecture notes' input
K = [[0, 1], [2, 3]]  # and their kernel
PICTURE = [[1, 1, 0, 0, 0, 0, 1, 1] for _ in range(6)]  # white is 1, black is 0
EDGES = [[1, -1]]

PRINTED_ROW = 6  # entries of two rows of the printed edge picture
PRINTED_TABLE = [[4, 5], [7, 8]]
PRINTED_EPOCHS = [2, 4, 6, 8, 10]
PRINTED_POOL = """\
def pool2d(X, pool_size, mode='max'):
    p_h, p_w = pool_size
    Y = torch.zeros((X.shape[0] - p_h + 1, X.shape[1] - p_w + 1))
    for i in range(Y.shape[0]):
        for j in range(Y.shape[1]):
            if mode == 'max':
                Y[i, j] = X[i: i + p_h, j: j + p_w].max()
            elif mode == 'avg':
                Y[i, j] = X[i: i + p_h, j: j + p_w].mean()
                return Y
"""


@dataclass(frozen=True)
class Evidence:
    """One thing that was looked at: `holds` says whether it bears the mistake out, None that nobody could look."""

    kind: str
    text: str
    holds: bool | None


@dataclass
class Case:
    """What is seen of one mistake."""

    evidence: list[Evidence] = field(default_factory=list)

    def refuted(self, claim: str, *where: str) -> None:
        """Put what is written to the judge: it has to be refuted."""
        verdict = check(claim, where, TIMEOUT)
        said = f"`{claim}`{_where(where)}"
        if verdict.verdict == REFUTED:
            at = ", ".join(f"{name} = {value}" for name, value in (verdict.counterexample or {}).items())
            sides = [side.strip() for side in verdict.sides if side.strip().endswith(" is false")]
            said += f" fails{f' at {at}' if at else ''}: {(sides or [verdict.sides[-1].strip()])[-1]}"
            said += "".join(f"; {hint}" for hint in verdict.hints if _about_the_left(hint, claim))
        self._judged(verdict.verdict, REFUTED, said)

    def proved(self, claim: str, *where: str) -> None:
        """Put what is true to the judge: it has to be proved."""
        self._judged(check(claim, where, TIMEOUT).verdict, PROVED, f"`{claim}`{_where(where)}")

    def _judged(self, verdict: str, wanted: str, text: str) -> None:
        self.evidence.append(Evidence(verdict, text, verdict == wanted))

    def theorem(self, name: str) -> None:
        """Recheck a theorem of the book, or one of its parts."""
        from derive.kernel import RuleError
        from derive.table import THEOREMS

        theorem = THEOREMS[name.partition("/")[0]]
        theorem = theorem if theorem.name == name else next(part for part in theorem.parts if part.name == name)
        try:
            theorem.recheck()
        except RuleError as error:
            self.evidence.append(Evidence("not proved", f"{name}: {error}", False))
        else:
            self.evidence.append(Evidence(PROVED, f"{theorem.title} (`derive show {name.partition('/')[0]}`)", True))

    def seen(self, kind: str, text: str, holds: bool) -> None:
        """Note something that was computed, and whether it bears the mistake out."""
        self.evidence.append(Evidence(kind, text, holds))

    def torch(self, look: Callable[[Any], tuple[str, bool]]) -> None:
        """Ask torch, where it is installed."""
        try:
            import torch
        except ImportError:
            self.evidence.append(Evidence(NOT_CHECKED, "needs torch: not checked", None))
        else:
            self.seen("torch", *look(torch))

    @property
    def verdict(self) -> str:
        """What the evidence comes to."""
        looked = [piece.holds for piece in self.evidence if piece.holds is not None]
        return NOT_CHECKED if not looked else FOUND if all(looked) else NOT_FOUND


def _about_the_left(hint: str, claim: str) -> bool:
    """Whether a hint says when the claim is true, or mends its left side: that is where what is written stands."""
    _, sign, mended = hint.removesuffix("?").partition(" instead of ")
    return mended in claim.partition("==")[0] if sign else hint.startswith("true ")


def _where(where: tuple[str, ...]) -> str:
    return f" where {', '.join(f'`{condition}`' for condition in where)}" if where else ""


# Output sizes --------------------------------------------------------------------------------------------------------


def fraction_bar(case: Case) -> None:
    """The size with the bar too short, and with the bar mended but the floor lost; the true one counts the windows."""
    case.refuted("n_w-k_w+p_w+s_w/s_w == floor((n_w-k_w+p_w+s_w)/s_w)")
    case.refuted("(n_w-k_w+p_w+s_w)/s_w == floor((n_w-k_w+p_w+s_w)/s_w)")
    case.proved("t < floor((n_w-k_w+p_w+s_w)/s_w) <=> t*s_w + k_w <= n_w + p_w", "s_w >= 1")


def worked_example(case: Case) -> None:
    """The example's result, and that of the formula that the checker runs."""
    from shapecheck import formulas

    case.refuted("floor((8-3+0+3)/3) == 3")
    case.proved(f"floor((8-3+0+3)/3) == {formulas.window_count(8, 3, 0, 3)}")


def lost_floor(case: Case) -> None:
    """The size without a floor is right where the stride divides, and nowhere else a number of windows at all."""
    case.refuted("(N-F)/stride + 1 == floor((N-F)/stride) + 1")
    case.proved("(N-F)/stride + 1 in Z <=> stride | N-F")
    case.proved("(N-F)/stride + 1 == floor((N-F)/stride) + 1", "stride | N-F")


def short_rows(case: Case) -> None:
    """The rows of the printed picture against the predicted shape, and against the picture computed."""
    import shapecheck
    from derive.reference import corr2d

    case.refuted(f"8-2+1 == {PRINTED_ROW}")
    shape = shapecheck.output_shape("Conv2d", (1, 6, 8), in_channels=1, out_channels=1, kernel_size=(1, 2))
    rows, columns = shape[1:]
    text = f"a kernel of 1 x 2 on 6 x 8 gives {rows} x {columns}: rows of {PRINTED_ROW} do not fit"
    case.seen("shape", text, columns != PRINTED_ROW)
    lengths = {len(row) for row in corr2d(PICTURE, EDGES)}
    case.seen("computed", f"the rows of the edge picture have {_listed(lengths)} entries", lengths == {columns})


# Convolution and correlation -----------------------------------------------------------------------------------------


def empty_sum(case: Case) -> None:
    """The sum as written and over the true range, for arbitrary inputs and kernels; and the theorems."""
    import sympy as sp

    from derive import semantics
    from derive.terms import Hypothesis, Range, Support

    h, w, i, j, a, b = sp.symbols("h w i j a b", integer=True)
    kernel, x = sp.IndexedBase("w"), sp.IndexedBase("x")
    body = kernel[-a, -b] * x[i + a, j + b]
    written, repaired = sp.Sum(body, (b, 1, w), (a, 1, h)), sp.Sum(body, (b, -w, -1), (a, -h, -1))
    given: list[Hypothesis] = [Range(h >= 1), Range(w >= 1), Support(kernel, ((1, h), (1, w)))]
    models = list(semantics.models([written, repaired], given, limit=MODELS))
    zero, other = (sum(semantics.meaning(term)(env) == 0 for env in models) for term in (written, repaired))
    text = f"with arbitrary `w` and `x` it is 0 in {zero} of {len(models)} cases; over `-h..-1`, `-w..-1` in {other}"
    case.seen("evaluated", text, zero == len(models) > 2 * other)
    for part in ("empty-sum", "repair-range", "repair-index", "between"):
        case.theorem(f"flip-2d/{part}")


def no_difference(case: Case) -> None:
    """Correlation and convolution by one kernel, by its flip, by a symmetric one; and the theorems."""
    from derive.reference import conv2d, corr2d, flipped

    one, other = corr2d(X, K), conv2d(X, K)
    case.seen("computed", f"of 0..8 and {K} correlation makes {one}, convolution {other}", one != other)
    turned = conv2d(X, flipped(K))
    case.seen("computed", f"with {K} turned by half a turn convolution makes {turned}", turned == one)
    even = [[1, 2], [2, 1]]
    both = corr2d(X, even), conv2d(X, even)
    case.seen("computed", f"half a turn leaves {even} as it is: {both[0]} and {both[1]}", both[0] == both[1])
    case.theorem("flip-2d/flipped-kernel")
    case.theorem("flip-1d/learnt")


def correlation_from_one(case: Case) -> None:
    """Where the indices of the correlation lie, on one axis of n cells, all counted from 1."""
    inside = "1 <= i and i <= n-h+1 and 1 <= a and a <= h"
    case.refuted(f"{inside} => 1 <= i+a and i+a <= n")
    case.proved(f"{inside} => 1 <= i+a-1 and i+a-1 <= n")
    case.proved("1 <= i and 1 <= a => i+a != 1")


def stomach(case: Case) -> None:
    """The integral in both directions: for polynomials, for one who eats at rate one, and the theorems."""
    import sympy as sp

    from derive import semantics

    z, t = sp.symbols("z t", real=True)
    f, g = sp.Function("f"), sp.Function("g")
    written, true = (sp.Integral(f(z) * g(t - z), ends) for ends in ((z, t, 0), (z, 0, t)))
    models = list(semantics.models([written, true], [], limit=MODELS))
    minus = sum(semantics.meaning(written)(env) == -semantics.meaning(true)(env) for env in models)
    text = f"from `t` to 0 it is minus that from 0 to `t`, in {minus} of {len(models)} cases"
    case.seen("evaluated", text, minus == len(models))
    at = semantics.environment({t: 1})
    before, after = (float(semantics.meaning(sp.Integral(sp.exp(z - t), ends))(at)) for ends in ((z, t, 0), (z, 0, t)))
    text = (
        f"who eats at rate one from 0 on and digests as `exp(-t)` would hold {before:.3f} at `t` = 1, not {after:.3f}"
    )
    case.seen("evaluated", text, before < 0 < after)
    case.theorem("continuous")
    case.theorem("continuous/meal")


# Axes, windows, layers -----------------------------------------------------------------------------------------------


def input_and_output(case: Case) -> None:
    """The fully connected layer of the theorem `reindex` with one weight, and inputs that are 1 at one place."""
    back, forth = _lit((0, 1)), _lit((1, 0))
    text = f"with `W[0,1,1,0] = 1`, else 0, a 1 at (0, 1) makes {back}"
    case.seen("evaluated", text, back == [[0, 0], [0, 0]])
    case.seen("evaluated", f"and a 1 at (1, 0) makes {forth}, a 1 at (0, 1)", forth == [[0, 1], [0, 0]])

    def linear(torch: Any) -> tuple[str, bool]:
        shape = tuple(torch.nn.Linear(in_features=3, out_features=2).weight.shape)
        return f"Linear(in_features=3, out_features=2) has a weight of {shape}: outputs first", shape == (2, 3)

    case.torch(linear)


def _lit(place: tuple[int, int]) -> Any:
    """What the layer H[i, j] = U[i, j] + sum of W[i, j, k, l] X[k, l] makes of a 1 at a place, with one weight."""
    from derive import semantics
    from derive.reference import built
    from derive.table import THEOREMS
    from derive.terms import free_in

    layer = THEOREMS["reindex"].lhs
    letters = {symbol.name: symbol for symbol in free_in(layer)}
    env = semantics.environment({letters["n1"]: 2, letters["n2"]: 2})
    arrays = {"U": lambda at: 0, "W": lambda at: int(at == (0, 1, 1, 0)), "X": lambda at: int(at == place)}
    env |= {semantics.array_name(name): array for name, array in arrays.items()}
    names = semantics.name_of(letters["i"]), semantics.name_of(letters["j"])
    return built((2, 2), lambda at: semantics.meaning(layer)({**env, **dict(zip(names, at, strict=True))}))


def kernel_axes(case: Case) -> None:
    """The lecture notes' own stack of kernels, K, K + 1 and K + 2 for two channels, as their code uses it."""
    from derive.reference import corr2d_multi_in_out, shape_of

    def more(array: list[list[int]], by: int) -> list[list[int]]:
        return [[cell + by for cell in row] for row in array]

    kernels = [[more(K, first), more(K, first + 1)] for first in range(3)]
    inputs = [X, more(X, 1)]
    shape, outputs = shape_of(kernels), len(corr2d_multi_in_out(inputs, kernels))
    text = f"a stack of {shape} takes {len(inputs)} channels to {outputs}: `c_o` first"
    case.seen("computed", text, shape[:2] == (outputs, len(inputs)) != (len(inputs), outputs))

    def weight(torch: Any) -> tuple[str, bool]:
        shape = tuple(torch.nn.Conv2d(in_channels=2, out_channels=3, kernel_size=(4, 5)).weight.shape)
        return f"Conv2d(in_channels=2, out_channels=3, kernel_size=(4, 5)) has a weight of {shape}", shape == (
            3,
            2,
            4,
            5,
        )

    case.torch(weight)


def return_in_the_loop(case: Case) -> None:
    """The printed code, run; and what code that returns behind its loops makes."""
    import numpy

    from derive.reference import places, pool2d

    scope: dict[str, Any] = {"torch": numpy}  # zeros, shape, max and mean are the same in both
    exec(PRINTED_POOL, scope)
    picture = numpy.array(X, dtype=float)
    greatest, average = scope["pool2d"](picture, (2, 2)), scope["pool2d"](picture, (2, 2), "avg").tolist()
    case.seen("run", f"'max', as printed, makes {greatest} of 0..8 in windows of 2 x 2", greatest is None)
    right = pool2d(X, (2, 2), "avg")
    done = sum(average[i][j] == right[i][j] for i, j in places((2, 2)))
    case.seen("run", f"'avg', as printed, makes {average}: {done} cell of 4 is done", done == 1)
    table = pool2d(X, (2, 2))
    case.seen("computed", f"with `return` behind the loops they make {table} and {right}", table == PRINTED_TABLE)


def receptive_field(case: Case) -> None:
    """How many inputs a cell sees: predicted, and by changing the inputs one by one."""
    import shapecheck

    layers: list[Any] = [{"Conv1d": {"out_channels": 1, "kernel_size": SPAN}}] * 3
    report = shapecheck.check({"input": [1, 1, CELLS], "layers": layers}, verify=False).to_dict()
    fields = [layer["receptive_field"]["size"][0] for layer in report["layers"]]
    text = f"after 1, 2, 3 layers with a kernel of {SPAN} a cell sees {_listed(fields)} inputs"
    case.seen("shape", text, fields[0] == SPAN and fields == sorted(set(fields)))
    reached = [sum(_reaches(cell, depth) for cell in range(CELLS)) for depth in range(1, len(layers) + 1)]
    case.seen("computed", f"so many inputs change the first cell: {_listed(reached)}", reached == fields)


def _reaches(cell: int, depth: int) -> bool:
    """Whether one input changes the first cell behind so many layers whose kernels are all ones."""
    from derive.reference import corr1d

    signal = [int(place == cell) for place in range(CELLS)]
    for _ in range(depth):
        signal = corr1d(signal, [1] * SPAN)
    return bool(signal[0] != 0)


def feature_map(case: Case) -> None:
    """One layer on two pictures: the parameters are the layer's, the maps are two."""
    import shapecheck

    convolution = {"Conv2d": {"out_channels": 1, "kernel_size": 3}}
    specs = ({"input": [1, 1, size, size], "layers": [convolution]} for size in (8, 28))
    one, other = (shapecheck.check(spec, verify=False).to_dict()["layers"][0] for spec in specs)
    text = f"one layer of {one['params']} parameters makes {one['output']} of one picture, {other['output']} of another"
    case.seen("shape", text, one["params"] == other["params"] and one["output"] != other["output"])

    def kinds(torch: Any) -> tuple[str, bool]:
        layer = torch.nn.Conv2d(1, 1, 3)
        made = layer(torch.zeros(1, 1, 8, 8))
        apart = isinstance(layer, torch.nn.Module) and not isinstance(made, torch.nn.Module)
        return f"the layer is a {type(layer).__name__}, what it makes a {type(made).__name__}", apart

    case.torch(kinds)


def matrix_product(case: Case) -> None:
    """The first step of the printed example, and random ones, computed in both ways."""
    from derive.reference import corr2d, places

    def product(one: Any, other: Any) -> Any:
        return [[sum(one[i][m] * other[m][j] for m in range(2)) for j in range(2)] for i in range(2)]

    window, printed = [row[:2] for row in X[:2]], corr2d(X, K)[0][0]
    matrix = product(window, K)
    text = f"the matrix product of {window} and {K} is {matrix}, {sum(map(sum, matrix))} in all"
    case.seen("computed", text, sum(map(sum, matrix)) != printed)
    summed = sum(window[i][j] * K[i][j] for i, j in places((2, 2)))
    case.seen("computed", f"cell by cell, added up, it is {summed}; printed is {printed}", summed == printed)
    rng, same = random.Random(0), 0
    for _ in range(MODELS):
        one, other = ([[rng.randint(-9, 9) for _ in range(2)] for _ in range(2)] for _ in range(2))
        same += sum(map(sum, product(one, other))) == corr2d(one, other)[0][0]
    text = f"the sum of the matrix product's cells is that number in {same} of {MODELS} random cases"
    case.seen("computed", text, same < MODELS // 2)


def edge_colours(case: Case) -> None:
    """The edge detector on two cells, in all colours."""
    from derive.reference import corr2d

    colours = {"white": 1, "black": 0}
    says = {
        f"{left} to {right}": corr2d([[colours[left], colours[right]]], EDGES)[0][0]
        for left in colours
        for right in colours
    }
    flat = [name for name, value in says.items() if value == 0]
    right = says["black to white"] == -1 and flat == ["white to white", "black to black"]
    case.seen("computed", ", ".join(f"{name} is {value}" for name, value in says.items()), right)


# Counting ------------------------------------------------------------------------------------------------------------


def local_weights(case: Case) -> None:
    """The number of offsets (a, b) with |a|, |b| <= Delta, counted by the kernel's rules."""
    import sympy as sp

    from derive.blackboard import Derivation, integers, total
    from derive.kernel import RuleError

    case.refuted("4*Delta^2 == (2*Delta+1)^2")
    delta, a, b = integers("Delta a b")
    offsets = total(sp.Integer(1), (a, -delta, delta), (b, -delta, delta))
    number = (2 * delta + 1) ** 2
    try:
        Derivation(offsets, sp.Ge(delta, 0)).count(b, a).qed(number, "local-weights").recheck()
    except RuleError as error:
        case.seen("not proved", str(error), False)
    else:
        case.seen(PROVED, "there are `(2*Delta+1)^2` offsets `(a,b)` with `a` and `b` in `-Delta..Delta`", True)


def epochs(case: Case) -> None:
    """The epochs, counted from 1, that the loop prints, as written and as it was run."""
    case.refuted("(i+2) % 2 == 0 <=> (i+1) % 2 == 0")
    written, meant = ([i + 1 for i in range(10) if (i + ahead) % 2 == 0] for ahead in (2, 1))
    text = f"as written the loop prints epochs {_listed(written)}; with `(i+1) % 2` it prints {_listed(meant)}"
    case.seen("run", text, written != PRINTED_EPOCHS and meant == PRINTED_EPOCHS)
    case.proved("(i+2) % 2 == 0 <=> (i+1) % 2 == 1")


def _listed(values: Iterable[Any]) -> str:
    return ", ".join(map(str, sorted(values)))
