"""A server that speaks Chat Completions, as OpenAI does and many others; see `model_server` for how it is used."""

from tests.model_server import Body, ModelServer, Reply, drip, encoded, half, hang_up, html, slow, tokens

__all__ = ["ChatServer", "Reply", "completion", "drip", "error", "half", "hang_up", "html", "slow"]

ERROR_TYPES = {401: "invalid_request_error", 429: "requests", 500: "server_error", 503: "server_error"}


def completion(
    text: str | None,
    model: str = "",
    finish_reason: str | None = "stop",
    usage: Body | None = None,
    **said: object,
) -> Body:
    """The body of an answer; `said`: more of its message. Without `model` it is the one asked for, without `usage` four bytes
    are a token."""
    choice = {"index": 0, "message": {"role": "assistant", "content": text, **said}, "finish_reason": finish_reason}
    return {"id": "chatcmpl-local", "object": "chat.completion", "model": model, "choices": [choice], "usage": usage}


def error(
    status: int,
    text: str = "This failed on purpose.",
    retry_after: str | float | None = None,
    code: str | None = None,
    param: str | None = None,
) -> Reply:
    """An error in the protocol's form."""
    told = {"message": text, "type": ERROR_TYPES.get(status, "invalid_request_error"), "param": param, "code": code}
    headers = {} if retry_after is None else {"retry-after": str(retry_after)}
    return Reply(encoded({"error": told}), status, headers=headers)


class ChatServer(ModelServer):
    path = "/v1/chat/completions"
    base = "/v1"

    def whole(self, text: str) -> Body:
        return completion(text)

    def estimate(self, request: Body, body: Body) -> Body:
        read, written = tokens(request["messages"]), tokens((body["choices"][0]["message"]["content"] or "").encode())
        return {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written}

    def error(self, status: int, text: str) -> Reply:
        return error(status, text)
