"""The two things that may interrupt work without being bugs."""


class BadInput(ValueError):
    """Something the user gave cannot be used.

    The message is one sentence for the user: it names the value, the choices, and the remedy.
    The command line prints it and exits with 2; a page shows it and goes on.
    """


class Cancelled(Exception):
    """The user asked for the work to stop; what was written so far is kept."""
