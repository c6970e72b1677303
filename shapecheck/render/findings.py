"""Findings as the lines that people and editors read: `file:line:col: CODE message`, the hint below.

The text is `str(diagnostic)`; here it is made safe to print and coloured.
"""

from __future__ import annotations

from shapecheck.diagnostics import Diagnostic
from shapecheck.render.paint import PLAIN, Painter, safe

SEVERITY_STYLE = {"error": "bad", "warning": "warn", "note": "dim", "advice": "hint"}


def text(finding: Diagnostic, paint: Painter = PLAIN) -> str:
    r"""The finding's lines, without a line break at the end.

    >>> print(text(Diagnostic("SP301", "a window of 7,\nan input of 5", file="net.yaml", line=3, hint="padding: 1")))
    net.yaml:3: SP301 a window of 7,
        an input of 5
      hint: padding: 1
    """
    head, *more = str(finding._replace(hint=None)).splitlines()
    place, code, message = head.partition(f"{finding.code} ")
    first = paint(safe(place), "dim") + paint(code.rstrip(), SEVERITY_STYLE[finding.severity]) + " " * bool(code)
    lines = [first + safe(message), *(f"    {safe(line.strip())}" for line in more if line.strip())]
    if finding.hint is not None:
        lines.append(f"  {paint('hint:', 'hint')} {' '.join(safe(part) for part in finding.hint.splitlines())}")
    return "\n".join(lines)
