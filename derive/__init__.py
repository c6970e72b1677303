r"""Derivations: the formulas of convolution as theorems, proved step by step by a small kernel.

>>> import derive
>>> flip = derive.theorem("flip-1d")
>>> flip.recheck()                       # plays the proof anew; RuleError if anything is wrong
>>> derive.THEOREMS["flip-1d"] == flip
True

>>> derive.check("floor(n/s) == ceil(n/s)", where=["s | n"]).verdict
'proved'

`check(claim)` proves or refutes a formula somebody typed, `ClaimError` says what cannot be read. `theorem(name)` gives
one theorem, `THEOREMS` maps every name to its theorem, `RuleError` says why one is refused.
SymPy and Z3 are loaded on first use, so that importing this package costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from derive.claim_parser import ClaimError
    from derive.claims import Verdict, check
    from derive.kernel import RuleError, Step, Theorem
    from derive.table import THEOREMS, theorem

__all__ = ["THEOREMS", "ClaimError", "RuleError", "Step", "Theorem", "Verdict", "check", "theorem"]

_HOME = {
    "ClaimError": "derive.claim_parser",
    "Verdict": "derive.claims",
    "check": "derive.claims",
    "RuleError": "derive.kernel",
    "Step": "derive.kernel",
    "Theorem": "derive.kernel",
    "THEOREMS": "derive.table",
    "theorem": "derive.table",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'derive' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
