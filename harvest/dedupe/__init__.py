"""Which records are the same report: keys that find pairs, a comparison with reasons, groups."""
