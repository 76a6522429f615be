"""A shape is a JSON value in which every text is an expression, at any depth: taken apart for the sandbox, put together after."""

from collections.abc import Iterator


def expressions(shape: object) -> list[str]:
    """The expressions of a shape, in the order in which `filled` takes their values."""
    if isinstance(shape, str):
        return [shape]
    if isinstance(shape, dict):
        return [expression for child in shape.values() for expression in expressions(child)]
    if isinstance(shape, list | tuple):
        return [expression for child in shape for expression in expressions(child)]
    return []


def filled(shape: object, values: Iterator[object]) -> object:
    """The shape with each expression replaced by the next value."""
    if isinstance(shape, str):
        return next(values)
    if isinstance(shape, dict):
        return {key: filled(child, values) for key, child in shape.items()}
    if isinstance(shape, list | tuple):
        return [filled(child, values) for child in shape]
    return shape
