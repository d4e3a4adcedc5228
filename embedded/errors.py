"""What can go wrong with the embedded servers and `up`, in words an operator can act on."""


class EmbeddedError(Exception):
    """A server or the service cannot run; the message names the thing and the remedy."""


class StartInterruptedError(EmbeddedError):
    """A stop was asked for while something was still starting; nothing is broken."""
