"""What a library says went wrong with a file, fit for a message to a user."""

from __future__ import annotations

# Libraries answer a file that holds code with the advice to run it. No message of ours may.
_ADVICE = ("weights_only", "weights only", "allow_pickle", "pickle_module", "trusted source", "trust the")
_REFUSED = "it holds more than numbers, or none of what torch.save and numpy.save write; nothing in it was run"


def reason_of(error: BaseException) -> str:
    """The first line of an error's text, or its type; never the advice to load a file unsafely."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    text = str(error).strip()
    if any(advice in text.lower() for advice in _ADVICE):
        return _REFUSED
    return text.partition("\n")[0].rstrip(".") or type(error).__name__
