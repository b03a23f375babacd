"""Diagnostics for programs: an array of objects, the contract of `routec check --format json`."""

import json
from collections.abc import Iterable
from typing import Any

from routec.diagnostics.model import Diagnostic
from routec.source import Sources, Span


def render_json(diagnostics: Iterable[Diagnostic], sources: Sources) -> str:
    """All faults as one JSON array; places count from 1, `end_column` is exclusive, null where there is no place.

    `targets` names the PBXs that have the fault where others have not; it is empty otherwise.
    """
    return json.dumps([_one(diagnostic, sources) for diagnostic in diagnostics], indent=2, ensure_ascii=True) + "\n"


def _one(diagnostic: Diagnostic, sources: Sources) -> dict[str, Any]:
    return {
        "code": diagnostic.code.code,
        "slug": diagnostic.code.slug,
        "severity": diagnostic.severity,
        "message": diagnostic.message,
        **_place(diagnostic.span, diagnostic.path, sources),
        "note": diagnostic.note or None,
        "labels": [
            {"message": label.text, **_place(label.span, label.span.file, sources)} for label in diagnostic.labels
        ],
        "help": diagnostic.help or None,
        "targets": list(diagnostic.targets),
        "docs": f"routec explain {diagnostic.code.code}",
    }


def _place(span: Span | None, path: str, sources: Sources) -> dict[str, Any]:
    source = sources.get(path)
    if span is None or source is None:
        return {"file": path or None, "line": None, "column": None, "end_line": None, "end_column": None}
    start, end = source.position(span.start), source.position(span.end)
    return {
        "file": path,
        "line": start.line,
        "column": start.column,
        "end_line": end.line,
        "end_column": end.column,
    }
