"""Repairs: the smallest changes of a spec's text that mend the network, each tried before it is shown."""
