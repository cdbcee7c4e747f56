"""The refusals in the OpenAPI schema: every operation may answer with one."""

from __future__ import annotations

from typing import Any

WRONG = {
    "description": "Refused: each field with what is wrong (400), or why (401, 403, 404, 413, 429) in `detail`.",
    "content": {
        "application/json": {
            "schema": {
                "type": "object",
                "additionalProperties": {
                    "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}],
                },
            }
        }
    },
}


def add_refusals(result: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
    """Postprocessing hook of drf-spectacular."""
    for operations in result["paths"].values():
        for operation in operations.values():
            operation["responses"]["4XX"] = WRONG
    return result
