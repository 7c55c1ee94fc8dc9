"""A whole search, of either kind."""

from aqm_runner.runner.failures import bad_request
from aqm_runner.runner.places import Place
from aqm_runner.search.goal import fewest as fewest_for_goal
from aqm_runner.search.goal import search_goal
from aqm_runner.search.ledger import Ledger
from aqm_runner.search.limited import fewest as fewest_for_limit
from aqm_runner.search.limited import search_limit
from aqm_runner.search.moves import Chance
from aqm_runner.search.problem import Problem
from aqm_runner.search.state import Found


def check_bound(problem: Problem, measurements: int, place: Place) -> None:
    """Refuses fewer measurements than it takes to have a plan to begin with.

    Args:
        problem: What is searched.
        measurements: How many there may be.
        place: Of the problem, for messages.

    Raises:
        RunnerError: bad_request `too_few_measurements`.
    """
    needed = fewest_for_limit(problem) if problem.goal is None else fewest_for_goal(problem)
    if measurements < needed:
        what = "its starts" if problem.goal is None else "the bisection of its frontier"
        raise bad_request(
            "too_few_measurements",
            f"The search of {place.name} may measure {measurements} times, and {what} may take "
            f"{needed}.",
            file=place.name,
            next_step=f"Set search.measurements to {needed} at least in the scheme's config, "
            "conf/scheme/<name>.yaml.",
        )


def search(problem: Problem, ledger: Ledger, seed: int) -> Found:
    """Returns what measuring finds; the first measurements are the same however many there may be.

    Args:
        problem: What is asked.
        ledger: Measures; allows what `check_bound` asks for.
        seed: Of the moves that chance proposes.
    """
    chance = Chance(seed)
    if problem.goal is None:
        return search_limit(problem, ledger, chance)
    return search_goal(problem, ledger, chance)
