"""The three sources on this machine: a generated corpus in each one's recorded shape, and faults.

Nothing of it is real: titles and abstracts are put together from words of the sample's strategy.
"""
