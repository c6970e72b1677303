"""The differential judge: our prediction beside torch itself, on configurations made for trouble.

`catalogue.py` accounts for every public class of `torch.nn`; `draw.py` and its families draw cases; `torch_worker.py`
asks torch (in a process that may die), `predictor.py` asks us (in a process that cannot import torch); `judge.py`
compares the two answers. `python -m tests.parity --help` runs it by hand.
"""
