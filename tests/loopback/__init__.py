"""Simulate the three sources on this machine: a made-up corpus in the recorded formats, and faults.

Nothing in it is real: titles and abstracts are built from words of the sample's strategy.
"""
