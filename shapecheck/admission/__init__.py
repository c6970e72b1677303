"""For which sizes does a network run? The exact set, from finitely many runs of the predictor.

A run with a witness: the open sizes are numbers that remember their formulas (`witness.py`), the layers run as they
run on numbers, and every decision they take is noted. All sizes that decide alike take the same path through the same
code, so they get the same verdict. A path's decisions are comparisons of quasi-linear functions, which repeat
(`laws.py`), hence hold on sets that repeat from some size on (`periodic.py`). Runs from ever new witnesses
(`paths.py`) go on until their sets cover all sizes (`regions.py`): that is the exact answer (`answer.py`).
"""
