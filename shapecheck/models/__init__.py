"""Networks from live torch modules: their graph (`graph.py`), else their calls (`calls.py`), and a spec from either.

Everything here is loaded on first use, and torch only by who hands over a module.
"""
