"""Errors of the embedded servers and of `up`."""


class EmbeddedError(Exception):
    """A server or the service cannot run; the message contains the remedy."""


class StartInterruptedError(EmbeddedError):
    """A stop request interrupted the start; nothing is broken."""
