"""A server that speaks the Messages protocol; see `model_server` for how it is used."""

from tests.model_server import Body, ModelServer, Reply, drip, encoded, half, hang_up, html, slow, tokens

__all__ = ["MessagesServer", "Reply", "drip", "error", "half", "hang_up", "html", "message", "slow"]

ERROR_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    529: "overloaded_error",
}


def message(
    text: str,
    model: str = "",
    stop_reason: str = "end_turn",
    usage: Body | None = None,
) -> Body:
    """The body of a message. Without `model` it is the one asked for, without `usage` four bytes are a token."""
    return {
        "id": "msg_local",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": [{"type": "text", "text": text}],
        "stop_reason": stop_reason,
        "stop_sequence": None,
        "usage": usage,
    }


def error(
    status: int, text: str = "This failed on purpose.", retry_after: str | float | None = None, code: str = ""
) -> Reply:
    """An error in the protocol's form."""
    told: Body = {"type": ERROR_TYPES.get(status, "api_error"), "message": text}
    if code:
        told["details"] = {"error_code": code}
    headers = {} if retry_after is None else {"retry-after": str(retry_after)}
    return Reply(encoded({"type": "error", "error": told}), status, headers=headers)


class MessagesServer(ModelServer):
    path = "/v1/messages"

    def whole(self, text: str) -> Body:
        return message(text)

    def estimate(self, request: Body, body: Body) -> Body:
        prompt = encoded(request.get("system") or "") + encoded(request["messages"])
        answer = "".join(block.get("text", "") for block in body["content"])
        return {"input_tokens": tokens(prompt), "output_tokens": max(1, tokens(answer.encode()))}

    def error(self, status: int, text: str) -> Reply:
        return error(status, text)
