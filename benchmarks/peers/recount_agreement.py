"""Agreement of people on independent decisions, counted again."""

from collections import Counter
from itertools import combinations

import numpy as np
from recount_known import ends, put_share, wilson
from sklearn.metrics import cohen_kappa_score

INCLUDING = ("include", "maybe")
DRAWS = 2000


def joined(word):
    """Maybe counts as include."""
    return "include" if word in INCLUDING else word


def alpha(units):
    """Krippendorff's alpha for two nominal decisions."""
    units = [unit for unit in units if len(unit) > 1]
    values = [word for unit in units for word in unit]
    total = len(values)
    observed = sum(
        sum(a != b for a, b in combinations(unit, 2)) * 2 / (len(unit) - 1) for unit in units
    )
    include = values.count("include")
    expected = 2 * include * (total - include)
    return None if not expected else 1 - (total - 1) * observed / expected


def pair_figures(pairs):
    """The coefficients of two people's decisions."""
    one = [joined(a) for a, _ in pairs]
    other = [joined(b) for _, b in pairs]
    both = sum(a == b == "include" for a, b in zip(one, other, strict=True))
    neither = sum(a == b == "exclude" for a, b in zip(one, other, strict=True))
    apart = len(pairs) - both - neither

    def kappa(first, second):
        if len(set(first) | set(second)) < 2:
            return None
        return float(cohen_kappa_score(first, second))

    return {
        "kappa": kappa(one, other),
        "kappa_three_words": kappa([a for a, _ in pairs], [b for _, b in pairs]),
        "positive_agreement": 2 * both / (2 * both + apart) if both + apart else None,
        "negative_agreement": 2 * neither / (2 * neither + apart) if neither + apart else None,
        "adjusted_kappa": 2 * (both + neither) / len(pairs) - 1,
    }


def draw(patterns):
    """How often each pattern comes in draws of as many records, one row a draw."""
    counts = np.array(list(patterns.values()))
    return np.random.default_rng(123).multinomial(counts.sum(), counts / counts.sum(), DRAWS)


def drawn_pairs(pairs):
    """The ends of the intervals of two people's coefficients, by drawing the records again."""
    patterns = Counter(pairs)
    drawn_counts, total = draw(patterns), len(pairs)

    def share(test):
        return drawn_counts @ np.array([test(*pattern) for pattern in patterns], float) / total

    def kappa(change):
        same = share(lambda a, b: change(a) == change(b))
        chance = sum(
            share(lambda a, b, w=word: change(a) == w) * share(lambda a, b, w=word: change(b) == w)
            for word in ("include", "maybe", "exclude")
        )
        with np.errstate(all="ignore"):
            return (same - chance) / (1 - chance)

    both = share(lambda a, b: joined(a) == joined(b) == "include")
    neither = share(lambda a, b: a == b == "exclude")
    apart = 1 - both - neither
    with np.errstate(all="ignore"):
        found = {
            "kappa": kappa(joined),
            "kappa_three_words": kappa(lambda word: word),
            "positive_agreement": 2 * both / (2 * both + apart),
            "negative_agreement": 2 * neither / (2 * neither + apart),
        }
    return {name: ends([v for v in values if np.isfinite(v)]) for name, values in found.items()}


def drawn_alpha(units):
    """The ends of the interval of alpha, by drawing the records again."""
    patterns = Counter((unit.count("include"), unit.count("exclude")) for unit in units)
    drawn_counts = draw(patterns)
    both = np.array(list(patterns), float)
    size = both.sum(axis=1)
    observed = drawn_counts @ (2 * both.prod(axis=1) / (size - 1))
    total, include = drawn_counts @ size, drawn_counts @ both[:, 0]
    with np.errstate(all="ignore"):
        values = 1 - (total - 1) * observed / (2 * include * (total - include))
    return ends([value for value in values if np.isfinite(value)])


def put_block(figures, key, pairs):
    """A pair's agreement over 50 records."""
    either = [pair for pair in pairs if any(word in INCLUDING for word in pair)]
    both = sum(all(word in INCLUDING for word in pair) for pair in either)
    put_share(figures, f"{key}.raw", sum(joined(a) == joined(b) for a, b in pairs), len(pairs))
    put_share(figures, f"{key}.in_common", both, len(either))
    figures[f"{key}.kappa.value"] = pair_figures(pairs)["kappa"]
    low, high = drawn_pairs(pairs)["kappa"]
    figures |= {f"{key}.kappa.low": low, f"{key}.kappa.high": high}


def agreement(data, rows, name):
    """Agreement on independent decisions."""
    people = data["identity"].set_index("person_id").name
    compared = rows[rows.way.isin(["pilot", "dual"]) & (rows.people > 1)].sort_values("order")
    units = [[joined(word) for word in decisions.values()] for decisions in compared.independent]
    included = [unit for unit in units if "include" in unit]
    figures = {
        f"{name}.records": len(compared),
        f"{name}.dual": int((compared.way == "dual").sum()),
        f"{name}.pilot": int((compared.way == "pilot").sum()),
        f"{name}.people": len({p for each in compared.independent for p in each}),
        f"{name}.alpha.value": alpha(units),
    }
    put_share(figures, f"{name}.same", sum(len(set(unit)) == 1 for unit in units), len(units))
    put_share(
        figures, f"{name}.in_common", sum("exclude" not in unit for unit in included), len(included)
    )
    interval = drawn_alpha(units) if units else (None, None)
    figures |= {f"{name}.alpha.low": interval[0], f"{name}.alpha.high": interval[1]}
    everybody = sorted({p for each in compared.independent for p in each})
    for one, other in combinations(everybody, 2):
        pairs = [(d[one], d[other]) for d in compared.independent if one in d and other in d]
        if not pairs:
            continue
        key = f"{name}.{people[one]}-{people[other]}"
        figures[f"{key}.records"] = len(pairs)
        for start in range(0, len(pairs), 50) if name == "agreement" else ():
            put_block(
                figures, f"block.{people[one]}-{people[other]}.{start + 1}", pairs[start:][:50]
            )
        same = sum(joined(a) == joined(b) for a, b in pairs)
        put_share(figures, f"{key}.raw", same, len(pairs))
        either = [pair for pair in pairs if any(word in INCLUDING for word in pair)]
        both = sum(all(word in INCLUDING for word in pair) for pair in either)
        put_share(figures, f"{key}.in_common", both, len(either))
        adjusted = tuple(2 * end - 1 for end in wilson(same, len(pairs)))
        intervals = {**drawn_pairs(pairs), "adjusted_kappa": adjusted}
        for figure, value in pair_figures(pairs).items():
            figures[f"{key}.{figure}.value"] = value
            figures[f"{key}.{figure}.low"], figures[f"{key}.{figure}.high"] = intervals[figure]
    return figures
