"""Messages of a chat as samples: checked, and written in one form whatever the source had.

A chat template belongs to a model. So a sample keeps the messages, and `model/text_batches.py`
applies the template of the checkpoint that it makes batches for.
"""

import json
from typing import Any

from aqm_runner.calibration.found import checked_text, shown, unreadable

ROLES = ("system", "developer", "user", "assistant", "tool")
NEXT = "Correct the messages: a list of objects with the texts role and content alone."


def messages_text(value: Any, file: str, where: str, field: str) -> str:
    """Returns messages as JSON: a list of `{"role", "content"}`, the same text for the same chat.

    A key without a value (null), as a table has it for every row, is left out. Another key with a
    value, a call of a tool for instance, is refused rather than lost.

    A chat without any text is blank: "".

    Args:
        value: What the source has in `field`.
        file: Workspace-relative name of the file.
        where: "line 3" or "row 3".
        field: Name of the field, for messages.

    Raises:
        RunnerError: gate_failed `unreadable_sample`.
    """
    if value == []:
        return ""
    if not isinstance(value, list):
        raise unreadable(
            file, where, f"has {shown(value)} as {field}, where a list of messages is needed", NEXT
        )
    chat = []
    for number, message in enumerate(value, start=1):
        what = f"message {number} of its field {field}"
        if not isinstance(message, dict):
            raise unreadable(file, where, f"has {shown(message)} as {what}", NEXT)
        known = {key: held for key, held in message.items() if held is not None}
        more = sorted(set(known) - {"role", "content"})
        if more:
            raise unreadable(file, where, f"has the key {shown(more[0])} in {what}", NEXT)
        role, content = (
            checked_text(known.get(key), file, where, f"the {key} of {what}")
            for key in ("role", "content")
        )
        if role not in ROLES:
            raise unreadable(
                file,
                where,
                f"has the role {shown(role)} in {what}; roles are {', '.join(ROLES)}",
                NEXT,
            )
        chat.append({"role": role, "content": content})
    if not any(message["content"].strip() for message in chat):
        return ""
    return json.dumps(chat, ensure_ascii=False, separators=(",", ":"))
