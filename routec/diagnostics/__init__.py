"""Faults: the table of codes, the model, the renderers, and a page a code. Knows only places in sources."""

from routec.diagnostics.model import Diagnostic, Label, has_errors, in_order, of_targets
from routec.suggest import did_you_mean

__all__ = ["Diagnostic", "Label", "did_you_mean", "has_errors", "in_order", "of_targets"]
