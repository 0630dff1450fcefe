"""All processes of Innkey on one machine: the embedded Redis, the supervisor, and the stack made of them."""

__all__ = ["StartError"]


class StartError(RuntimeError):
    """Innkey cannot start here. The message is for a person: the thing, the cause, the cure, on one line."""
