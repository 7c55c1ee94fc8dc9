"""How well two scorings of the same ops agree in their order."""

import math


def spearman(first: list[float], second: list[float]) -> float | None:
    """Returns Spearman's rank correlation; equal values share the mean of their ranks.

    None where there is no order: fewer than two values, or all of them equal.
    """
    one, other = _ranks(first), _ranks(second)
    middle = (len(one) - 1) / 2
    product = sum((a - middle) * (b - middle) for a, b in zip(one, other, strict=True))
    sizes = [sum((rank - middle) ** 2 for rank in ranks) for ranks in (one, other)]
    return product / math.sqrt(sizes[0] * sizes[1]) if all(sizes) else None


def _ranks(values: list[float]) -> list[float]:
    ordered = sorted(values)
    first = {value: ordered.index(value) for value in set(values)}
    return [first[value] + (ordered.count(value) - 1) / 2 for value in values]
