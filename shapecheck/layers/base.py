"""What a layer is: a frozen record of what torch calls its arguments, with the rules that follow from them.

A layer class holds torch's arguments as fields in torch's order (so a list of arguments in a spec is positional) and
gives

- `shape(*inputs)`: the output shape, or a `ShapeError` of stage "forward" where torch's module would refuse the input;
- `params()`: the number of parameters;   `macs(inputs, output)`: multiply-adds, in closed form, no tensors;
- `field(seen, inputs, output)`: the receptive-field step;
- `infer_arguments(*inputs)`: the arguments torch's Lazy twin would infer (`inferred` names them).

Making the record checks what torch's constructor checks (a `ShapeError` of stage "construct").

Receptive fields: one (size, stride, start) triple an axis, in input cells; `EACH` before the first window (every cell
sees itself, on any number of axes), None once every cell may see the whole input.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import copy
from dataclasses import MISSING, Field, fields, replace
from difflib import get_close_matches
from fractions import Fraction
from math import prod
from typing import Any, ClassVar, NamedTuple, TypeAlias, TypeVar

from shapecheck.diagnostics import ShapeError, construct_error, forward_error, only_words
from shapecheck.formulas import field_size, field_start
from shapecheck.sizes import Dim, Shape, Size, can_equal

Seen: TypeAlias = "tuple[tuple[Any, Any, Any], ...] | None"
EACH: tuple[tuple[Any, Any, Any], ...] = ()
NOTHING: tuple[tuple[Any, Any, Any], ...] = ((0, 1, 0),)  # of what does not hang on the input; known by identity

L = TypeVar("L", bound="Layer")

LIMIT = 2**63  # torch counts elements in signed 64-bit integers


class Layer:
    """The base of all layers; `inferred` names the arguments that may be left to the input."""

    __slots__ = ()
    inferred: ClassVar[tuple[str, ...]] = ()
    forward: ClassVar[tuple[str, ...]] = ()  # fields that are arguments of forward, not of the constructor
    inputs: ClassVar[tuple[int, int | None]] = (1, 1)  # least and greatest number of inputs (None: any)
    optional: ClassVar[frozenset[int]] = frozenset()  # which of the inputs may be None
    input_names: ClassVar[tuple[str, ...]] = ()  # forward's names for them, where others of its arguments stand between
    open_arguments: ClassVar[bool] = False  # takes any argument and looks at none, as Identity does
    aliases: ClassVar[dict[str, str]] = {}  # what other libraries call an argument -> torch's name
    takes_several: ClassVar[bool] = False  # whether an input behind the first may be nested, as LSTM's (h, c)
    shape_argument: ClassVar[str | None] = None  # the argument that lists sizes, -1 for one that follows from the input
    formula: ClassVar[str] = "output = input"  # one line of mathematics for the reference page

    def shape(self, *inputs: Any) -> Any:
        """The output shape for these input shapes, or shapes nested as torch nests its outputs."""
        raise NotImplementedError

    def params(self) -> int:
        """The number of parameters, as torch counts them: running statistics are buffers and do not count."""
        return 0

    def macs(self, inputs: tuple[Any, ...], output: Any) -> Dim:
        """Multiply-adds; zero for layers that only move, compare or add."""
        return 0

    def field(self, seen: Seen, inputs: tuple[Any, ...], output: Any) -> Seen:
        """The receptive field after this layer, from the union of its inputs' fields."""
        return seen

    def infer_arguments(self, *inputs: Any) -> dict[str, Any]:
        """Values for the arguments in `inferred`, read off the input shapes."""
        return {}

    def resolve(self, *inputs: Any) -> Layer:
        """The same layer with its open arguments inferred from the input shapes."""
        missing = {name: value for name, value in self.infer_arguments(*inputs).items() if getattr(self, name) is None}
        return replace(self, **missing) if missing else self  # type: ignore[type-var]

    @property
    def unresolved(self) -> bool:
        """Whether an argument still waits for the input."""
        return any(getattr(self, name) is None for name in self.inferred)

    def arguments(self) -> dict[str, Any]:
        """The constructor's argument names, in torch's order, with their values: what builds the real module."""
        other = ("training", *self.forward)
        return {field.name: getattr(self, field.name) for field in parameters(type(self)) if field.name not in other}

    def forward_arguments(self) -> dict[str, Any]:
        """The keyword arguments that go to forward beside the inputs."""
        return {name: getattr(self, name) for name in self.forward}


def quick(cls: type[L]) -> type[L]:
    """The same frozen record, made in two thirds of the time: its constructor writes the slots themselves.

    A frozen dataclass goes through `object.__setattr__` for each field; who makes records by the million notices.
    """
    made = [field for field in fields(cls) if field.init]  # type: ignore[arg-type]
    names: dict[str, Any] = {f"set_{field.name}": getattr(cls, field.name).__set__ for field in made}
    names |= {f"default_{field.name}": field.default for field in made}
    listed = [f"{f.name}" if f.default is MISSING else f"{f.name}=default_{f.name}" for f in made]
    stored = "\n".join(f"    set_{field.name}(self, {field.name})" for field in made)
    exec(f"def __init__(self, *, {', '.join(listed)}):\n{stored}\n    self.__post_init__()", names)
    cls.__init__ = names["__init__"]  # type: ignore[method-assign]
    return cls


def parameters(cls: type[Layer]) -> tuple[Field[Any], ...]:
    """The fields of a layer class that are arguments, in torch's positional order, under torch's names."""
    return tuple(_named(field) for field in fields(cls) if field.init)  # type: ignore[arg-type]


def _named(field: Field[Any]) -> Field[Any]:
    """The field under its argument's name; Reshape's `shape` may not be a field's name and stands in its metadata."""
    if "argument" not in field.metadata:
        return field
    named = copy(field)
    named.name = field.metadata["argument"]
    return named


class Signature(NamedTuple):
    """What a layer class takes: its argument names in order, those that must be given, whether it has a mode."""

    names: tuple[str, ...]
    known: frozenset[str]
    needed: frozenset[str]
    trains: bool


_signatures: dict[type[Layer], Signature] = {}


def signature(cls: type[Layer]) -> Signature:
    """The signature of a layer class, read off its fields once."""
    known = _signatures.get(cls)
    if known is None:
        known = _signatures[cls] = _signature(cls)
    return known


def _signature(cls: type[Layer]) -> Signature:
    names = tuple(field.name for field in parameters(cls))
    needed = {f.name for f in parameters(cls) if f.default is MISSING and f.default_factory is MISSING}
    return Signature(names, frozenset(names), frozenset(needed), "training" in names)


def make(cls: type[Layer], arguments: Mapping[str, Any], *, lazy: bool = True) -> Layer:
    """The layer with these arguments; unknown and missing ones are construct errors with a hint.

    With `lazy`, the arguments the class can infer may be left out.
    """
    try:
        layer = cls(**arguments)
    except TypeError:  # asking first costs as much as making the record
        _check_names(cls, arguments, lazy)
        if cls.open_arguments:
            return cls()
        raise
    if not lazy:
        for name in cls.inferred:
            if arguments.get(name) is None:
                _check_names(cls, arguments, lazy)
                if layer.unresolved:
                    raise construct_error("SP201", f"{name} is None: torch wants a whole number", argument=name)
    return layer


def _check_names(cls: type[Layer], arguments: Mapping[str, Any], lazy: bool) -> None:
    """Refuse unknown arguments and missing ones."""
    names, known, needed, _ = signature(cls)
    for name in arguments:
        if name not in known and not cls.open_arguments:
            raise unknown_argument(cls, name, names)
    wanted = needed if lazy else needed.union(cls.inferred)
    if not wanted.issubset(arguments):
        raise missing_argument(cls, [name for name in names if name in wanted and name not in arguments], lazy)


def missing_argument(cls: type[Layer], missing: list[str], lazy: bool) -> ShapeError:
    """The error for arguments that must be given and are not."""
    missing = [name for name in missing if not (lazy and name in cls.inferred)]
    example = ", ".join(f"{argument}: 1" for argument in missing)
    hint = f"{cls.__name__}: {{{example}}}, with the numbers you mean"
    return construct_error("SP104", f"{cls.__name__} needs {', '.join(missing)}", hint=hint, missing=missing)


def unknown_argument(cls: type[Layer], argument: str, known: Sequence[str]) -> ShapeError:
    """The error for an argument the layer does not have."""
    best = closest(argument, known, {**COMMON_ALIASES, **cls.aliases})
    hint = f"did you mean {best}?" if best else f"{cls.__name__} takes {', '.join(known) or 'no arguments'}"
    hint = no_space(argument, known) or hint
    return construct_error("SP102", f"{cls.__name__} has no argument {argument}", argument=argument, hint=hint)


def no_space(text: object, known: Iterable[str]) -> str | None:
    """The hint for a word that is known, with a colon and no space behind it; None for other texts.

    >>> no_space("Linear:10", ["Linear"])
    'a space after the colon: Linear: 10'
    """
    word, _, value = str(text).partition(":")
    return f"a space after the colon: {word}: {value}" if value and word in known else None


COMMON_ALIASES = {
    "filters": "out_channels", "channels": "out_channels", "out": "out_channels", "units": "out_features",
    "kernel": "kernel_size", "k": "kernel_size", "ks": "kernel_size", "window": "kernel_size",
    "pool_size": "kernel_size",
    "strides": "stride", "s": "stride", "pad": "padding", "pads": "padding", "dilations": "dilation",
    "dilation_rate": "dilation", "use_bias": "bias", "rate": "p", "prob": "p", "axis": "dim", "epsilon": "eps",
}  # fmt: skip


def closest(word: str, known: Iterable[str], aliases: dict[str, str] | None = None) -> str | None:
    """The known word the author most likely meant, if any: an alias, else the nearest spelling.

    >>> closest("kernelsize", ["kernel_size", "stride"]), closest("zzz", ["stride"])
    ('kernel_size', None)
    """
    flat = {other.lower().replace("_", ""): other for other in known}
    bare = str(word).lower().replace("_", "").replace("-", "")
    alias = {name.lower().replace("_", ""): target for name, target in (aliases or {}).items()}.get(bare)
    if alias is not None and alias in flat.values():
        return alias
    best = get_close_matches(bare, flat, n=1, cutoff=0.6)
    return flat[best[0]] if best else None


def is_int(value: object) -> bool:
    """Whether the value is a plain int, True and False left out."""
    return type(value) is int


def ntuple(value: Any, axes: int) -> Any:
    """torch's `_ntuple`: an iterable as a tuple as it is, anything else repeated on each axis.

    >>> ntuple(3, 2), ntuple([3, 5], 2)
    ((3, 3), (3, 5))
    """
    if type(value) is int:
        return (value,) * axes
    return tuple(value) if isinstance(value, Iterable) else (value,) * axes


def product(sizes: Sequence[Any], start: Any = 1) -> Any:
    """The product of sizes; from the last to the first, so that an open batch is multiplied once, at the end.

    >>> product((2, 3, 4)), product((), start=7)
    (24, 7)
    """
    return prod(sizes[::-1], start=start)


def check_rank(layer: Layer, x: Shape, ranks: tuple[int, ...], words: str) -> None:
    """Refuse an input whose rank is not among `ranks`; `words` says what they mean, e.g. "(N, C, H, W)"."""
    if len(x) not in ranks:
        raise forward_error(
            "SP302",
            f"{type(layer).__name__} takes an input of {words}, this one has {len(x)} dimensions: {shape_text(x)}",
            rank=len(x),
            ranks=ranks,
        )


def check_equal(
    code: str, argument: str, given: Any, found: Any, message: str, *, nominal: Any = None, least: int = 0
) -> None:
    """Refuse an input whose size is not what the argument says; the hint is the value that fits, from `least` on."""
    if given != found and not can_equal(given, found):
        hint = _value_hint(argument, found, least)
        raise forward_error(code, message, argument=argument, hint=hint, nominal=nominal, given=given, found=found)


@only_words
def _value_hint(argument: str, found: Any, least: int) -> str | None:
    return f"{argument}: {found}" if found >= least else None


def shape_text(shape: Any, text: Callable[[Any], str] = str) -> str:
    """A shape, or nested shapes, as the table shows it; `text` writes a size.

    >>> shape_text((2, 3)), shape_text(((2, 3), (4,))), shape_text(())
    ('[2, 3]', '([2, 3], [4])', '[]')
    """
    if shape is None:
        return "?"
    if is_shape(shape):
        return "[" + ", ".join(map(text, shape)) + "]"
    return "(" + ", ".join([shape_text(item, text) for item in shape]) + ")"


def is_shape(shape: Any) -> bool:
    """Whether this is one shape and not several nested ones.

    >>> is_shape((2, 3)), is_shape(()), is_shape(((2, 3), (4,)))
    (True, True, False)
    """
    return isinstance(shape, tuple) and all(isinstance(dim, (int, Size)) for dim in shape)


def check_limit(shape: Shape) -> Shape:
    """The shape itself, unless it has more elements than torch can count."""
    total = 1
    for dim in shape:
        if type(dim) is int:
            total *= dim
    if total >= LIMIT:
        message = f"the output {shape_text(shape)} has 2^63 elements or more: torch cannot count them"
        raise forward_error("SP310", message, hint="smaller sizes", elements=str(total))
    return shape


# Receptive fields ----------------------------------------------------------------------------------------------------


Window: TypeAlias = "tuple[Any, Any, Any, Any]"  # on one axis: dilated span, total padding, padding before, stride


def windowed_field(seen: Seen, windows: Sequence[Window]) -> Seen:
    """The field through a window over cells that see r inputs each, stand j apart and begin at u."""
    if seen is None:
        return None
    seen = seen_by(len(windows), seen)
    if len(seen) != len(windows):  # an axis more or less than the windows before had: channels taken for one
        return None
    if len(windows) == 2 and windows[0] is windows[1] and seen[0] is seen[1]:  # a square is worked out once
        return (_step(seen[0], windows[0]),) * 2
    return tuple([_step(one, window) for one, window in zip(seen, windows)])  # noqa: B905 - speed


def _step(seen: tuple[Any, Any, Any], window: Window) -> tuple[Any, Any, Any]:
    (r, j, u), (span, _, before, stride) = seen, window
    return field_size(r, j, span), j * stride, field_start(u, j, before)


def seen_by(axes: int, seen: tuple[tuple[Any, Any, Any], ...]) -> tuple[tuple[Any, Any, Any], ...]:
    """The field written out for that many axes."""
    return ((1, 1, 0),) * axes if seen == EACH else seen


def union(fields_: Sequence[Seen]) -> Seen:
    """The field that covers all of them: through branches a cell sees what any path lets it see."""
    if NOTHING in fields_:
        fields_ = [seen for seen in fields_ if seen is not NOTHING] or [NOTHING]
    first = fields_[0]
    for other in fields_[1:]:
        if first is None or other is None:
            return None
        if first == other:
            continue
        axes = len(first) or len(other)
        first, other = seen_by(axes, first), seen_by(axes, other)
        if len(first) != len(other):
            return None
        first = tuple(_hull(a, b) for a, b in zip(first, other, strict=True))
    return first


def _hull(a: tuple[Any, Any, Any], b: tuple[Any, Any, Any]) -> tuple[Any, Any, Any]:
    start = min(a[2], b[2])
    return max(a[2] + a[0], b[2] + b[0]) - start, max(a[1], b[1]), start


def undivided(seen: tuple[tuple[Any, Any, Any], ...]) -> bool:
    """Whether cells stand an open number of input cells apart, which has no fractions: then the field is not known.

    >>> undivided(((3, 2, 0),)), undivided(((1, Size({("H",): 1}), 0),))
    (False, True)
    """
    return any(isinstance(j, Size) for _, j, _ in seen)


def quotient(a: Any, b: int) -> Any:
    """a / b exactly: an int where b divides a, else a fraction.

    >>> quotient(16, 2), quotient(1, 2)
    (8, Fraction(1, 2))
    """
    return a // b if a % b == 0 else Fraction(a) / b


def whole(number: Any) -> Any:
    """A fraction that is whole as an int, anything else as it is."""
    return int(number) if isinstance(number, Fraction) and number.denominator == 1 else number


def apart(j: Any, num: int, den: int) -> Any:
    """How far cells stand apart, j, times num / den: an int where that is whole, else a fraction.

    >>> apart(4, 1, 2), apart(1, 1, 2)
    (2, Fraction(1, 2))
    """
    if type(j) is int:
        quotient, rest = divmod(j * num, den)
        return Fraction(j * num, den) if rest else quotient
    return whole(j * Fraction(num, den))
