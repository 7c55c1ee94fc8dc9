"""What an accuracy goal says of figures."""

from aqm_runner.search.ledger import Figure
from aqm_runner.search.problem import Goal

# Figures of which more is better.
AT_LEAST = ("top1_agreement",)
# What each figure is for a model that is not changed.
UNCHANGED = {"kl": 0.0, "logit_mse": 0.0, "top1_agreement": 1.0, "perplexity_ratio": 1.0}


class Judge:
    """Judges figures by a goal."""

    def __init__(self, goal: Goal) -> None:
        self._sign = -1.0 if goal.figure in AT_LEAST else 1.0
        self._unchanged = UNCHANGED[goal.figure]
        self._bound = goal.bound

    def loss(self, figure: Figure) -> float:
        """Returns how much worse a value is than that of the unquantized model."""
        return self._sign * (figure.value - self._unchanged)

    def excess(self, figure: Figure) -> float:
        """Returns how far the end of the interval that counts is beyond the bound."""
        end = figure.high if self._sign > 0 else figure.low
        assert end is not None
        return self._sign * (end - self._bound)

    def holds(self, figure: Figure) -> bool:
        """Returns whether the goal holds by value."""
        return self._sign * (figure.value - self._bound) <= 0

    def meets(self, figure: Figure) -> bool:
        """Returns whether the goal is met: by the end of the interval that counts."""
        return self.excess(figure) <= 0
