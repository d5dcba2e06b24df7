"""The one exception of all readers."""


class RecordingError(ValueError):
    """A recording that cannot be used; the message is one line that names the value, the bound and the remedy."""
