"""What Winnow does, without HTTP types: each service puts store, harvest and model together."""
