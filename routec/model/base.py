"""What every node of the model has."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, SkipValidation

from routec.source import Span

Place = Annotated[Span, SkipValidation]
"""A span is made by our own parser: pydantic takes it as it is."""


class Node(BaseModel):
    """A part of a telephone system. `span` is where the admin wrote it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    span: Place
