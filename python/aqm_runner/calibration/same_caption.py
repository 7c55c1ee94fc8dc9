"""When two captions count as one."""


def caption_key(caption: str) -> str:
    """Returns what two captions have in common if they differ in case or white space alone.

    A newline counts as a space: the text files of captions have spaces for the newlines of the
    databases.
    """
    return " ".join(caption.split()).casefold()
