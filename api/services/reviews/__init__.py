"""A review's people and its protocol: changes that also settle what has been screened."""
