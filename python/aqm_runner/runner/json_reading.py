"""Reading JSON that others wrote."""

import json
from typing import Any


def read_json(data: bytes | str) -> Any:
    """Returns the value of a JSON text.

    Raises ValueError for what is no JSON, and for what is nested deeper than Python's own reader
    can follow (about a thousand levels), which would otherwise end as a bug of aqm's.
    """
    try:
        return json.loads(data)
    except RecursionError:
        raise ValueError("it is nested too deep") from None
