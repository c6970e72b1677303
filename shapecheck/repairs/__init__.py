"""Repairs: the smallest changes of a spec's text that mend the network, each tried before it is shown.

`repair` gives them, ranked. How it works: `text.py` changes a text and nothing else of a file, `layout.py` knows where
each value stands, `writing.py` makes edits of it; `layers.py`, `spec_faults.py`, `syntax.py` and `inputs.py` guess what
was meant; `trial.py` reads and infers the changed text, `search.py` tries the guesses in the order of their size.
"""

from __future__ import annotations

from shapecheck.repairs.repair import Repair, Result, repair, repairs_of

__all__ = ["Repair", "Result", "repair", "repairs_of"]
