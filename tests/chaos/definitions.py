"""The workflows that are hurt: a code step and two paid calls, with a tool between them where one is named."""

SAID = {"type": "object", "required": ["kind"], "properties": {"kind": {"enum": ["refund", "other"]}}}
ANSWER = (
    '{"status": "ok", "output": {"kind": "refund"}, "confidence": 0.95, "rationale": "It is plain.", '
    '"uncovered": null, "edge_case": null}'
)


# Each message is an execution of `work`.
CALLER = {
    "title": "Post",
    "purpose": "Say of each message whether it is a refund request.",
    "input_schema": {"type": "object"},
    "steps": [
        {
            "id": "each",
            "kind": "workflow",
            "workflow": "work",
            "for_each": "input['messages']",
            "arguments": {"message": "item"},
        }
    ],
}


def definition(version: str = "One", tool: str = "") -> dict:
    """`version` stands in the instructions of both calls, so the provider knows whose they are."""
    calls = [
        {
            "id": name,
            "kind": "model",
            "tier": "cheap",
            "instructions": f"Instructions {name}-{version}: is this a refund request?",
            "prompt": "{{ steps.clean }}",
            "output_schema": SAID,
        }
        for name in ("first", "second")
    ]
    code = "def run(input, steps):\n    return ' '.join(input['message'].split())"
    between = [{"id": "tool", "kind": "tool", "tool": tool, "arguments": {"message": "input['message']"}}]
    return {
        "title": "Refund request",
        "purpose": "Say whether a customer asks for a refund.",
        "input_schema": {
            "type": "object",
            "required": ["message"],
            "properties": {"message": {"type": "string"}},
            "additionalProperties": False,
        },
        "steps": [{"id": "clean", "kind": "code", "code": code}, calls[0], *(between if tool else []), calls[1]],
        "result": {"kind": "steps['second']['kind']"},
    }
