"""What every node of the model has."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, SkipValidation

from routec.source import Span

Place = Annotated[Span, SkipValidation]
"""A span is made by our own parser: pydantic takes it as it is."""


class Node(BaseModel):
    """A part of a telephone system. `span` is where the admin wrote it."""

    # Built once, as parts of System: a class of its own each would cost every start of routec 60 ms.
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    span: Place
