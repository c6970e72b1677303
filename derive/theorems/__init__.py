r"""The chapters: each module has a function `chapter()` that derives its theorems; `derive.table` lists them.

How to write one:

1. Declare letters with `integers`, `reals`, `arrays` of `derive.blackboard`; never with `positive=True`.
2. Begin with `Derivation(term, *hypotheses)`. A hypothesis is a relation such as ``sp.Ge(n, 0)`` (the weakest that
   will do: `recheck` refuses ``n >= 1`` where ``n >= 0`` is enough), a `Support` (an array is zero outside a box), or
   an `Equation` (a definition, or something assumed for all values of some letters under some guards).
3. Go on line by line: `shift`, `reflect`, `swap`, `support`, `vanish`, `delta`, `out`, `into`, `linear`, `split`,
   `single`, `count`, `antiderivative`, `equation`, `lemma`, `ring`, `arith`, `power`; for integers `indirect`,
   `galois`, `entails`. Any rule can be read from right to left with `backwards(rule, to, ...)`: `to` is the new line,
   and the rule leads back.
4. End with `qed(last, name, ...)`. `parts` are further theorems told with it, named ``main/part``; `witness` are
   equations that say how to fill arrays so that the hypotheses hold, where that cannot be read off them.
5. Put name and title into `CHAPTERS` of `derive.table`; tests/book/test_19_every_theorem_can_fail.py does the rest.

Formulas in titles, reasons and remarks stand between backticks, in plain notation: `K[h-1-a] = K[a]`, `n1 <= 2 Delta`.
"""
