"""routec: call routes that are checked, compiled to an Asterisk dialplan, and guarded by a sign-in step."""

__version__ = "0.1.0"
