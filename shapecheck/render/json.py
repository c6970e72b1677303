"""Reports as JSON: one object for a network, a list of them for several. The keys are those of `Report.to_dict`.

Letters stand as they are. Where the output's encoding lacks one, the error handler `ERRORS` writes it as JSON does,
\\u00e9, so that the text stays JSON.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator
from json import dumps
from textwrap import indent

from shapecheck.report import Report

ERRORS = "json-escape"


def _escape(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return dumps(error.object[error.start : error.end])[1:-1], error.end


codecs.register_error(ERRORS, _escape)


def render(reports: Iterable[Report]) -> Iterator[str]:
    """The JSON text, a piece a report."""
    waiting = iter(reports)
    first = next(waiting, None)
    second = next(waiting, None)
    if first is not None and second is None:
        yield _object(first) + "\n"
        return
    yield "["
    separator = "\n"
    for report in (first, second, *waiting):
        if report is not None:
            yield separator + indent(_object(report), "  ")
            separator = ",\n"
    yield "\n]\n"


def _object(report: Report) -> str:
    return dumps(report.to_dict(), indent=2, ensure_ascii=False)
