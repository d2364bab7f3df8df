"""The one error a user can cause, always a sentence they can act on."""


class S2SError(ValueError):
    """Something about the input or the request that the user can put right.

    The message is one sentence that says what is wrong, where it is and what to do.
    The command line prints it without a trace; the app shows it in place.
    """


class Cancelled(Exception):  # noqa: N818 - it is a signal, not an error
    """A run was asked to stop; its last checkpoint is on disk and can be resumed."""
