"""The one error a user can cause, always a sentence they can act on."""


class S2SError(ValueError):
    """Something about the input or the request that the user can put right.

    The message is one sentence that says what is wrong, where it is and what to do.
    The command line prints it without a trace; the app shows it in place.
    """


class SeveralSections(S2SError):
    """An input holds several sections; whoever catches it may ask which one is meant.

    Parameters
    ----------
    message : str
        The sentence, complete without the rest.
    column : str
        Column of the spots that tells the sections apart.
    values : dict of int
        Spots of each section, by its label in that column.
    """

    def __init__(self, message: str, column: str, values: dict[str, int]) -> None:
        super().__init__(message)
        self.column = str(column)
        self.values = {str(label): int(spots) for label, spots in values.items()}


class Cancelled(Exception):  # noqa: N818 - it is a signal, not an error
    """A run was asked to stop; its last checkpoint is on disk and can be resumed."""
