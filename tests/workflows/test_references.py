"""Which names and steps a Python text reads, by a table."""

import pytest

from workflows.references import read_code, read_expression, steps_read

RUN = "def run(input, steps):\n    "


@pytest.mark.parametrize(
    ("expression", "steps"),
    [
        ("1", set()),
        ("steps['a']['b'] + steps['c']", {"a", "c"}),
        ("steps.get('a')", {"a"}),
        ("steps.get('a', {}).get('b')", {"a"}),
        ("[x for x in steps['a'] if x in steps['b']]", {"a", "b"}),
        ("(lambda x: steps['a'])(1)", {"a"}),
        ("f\"{steps['a']:>{steps['b']}}\"", {"a", "b"}),
        ("steps['a'\n  'b']", {"ab"}),
        ("steps['a'] is None or\nsteps['b']", {"a", "b"}),
    ],
)
def test_it_finds_the_steps_of_an_expression(expression, steps):
    assert steps_read(expression) == steps
    assert read_expression(expression).faults == ()


@pytest.mark.parametrize(
    ("expression", "names"),
    [("größe", {"größe"}), ("'ｉnput' in now", {"now"}), ("größe.ﬁ if '😀' else now", None)],
)
def test_letters_of_other_alphabets_are_letters(expression, names):
    reading = read_expression(expression)
    assert (
        (reading.names, reading.faults) == (names, ()) if names else reading.faults == ("Write `fi` in plain letters.",)
    )


@pytest.mark.parametrize(
    ("expression", "names"),
    [
        ("x + len('y')", {"x"}),
        ("[x for x in y]", {"y"}),
        ("[x for x in x]", {"x"}),
        ("[y for x in a for y in x]", {"a"}),
        ("[x for x in a for y in x] + [y]", {"a", "y"}),
        ("{k: v for k, (v, w) in a if w}", {"a"}),
        ("[[y for y in x] for x in a]", {"a"}),
        ("(lambda x, *y, z=w, **q: [x, y, z, q, v])", {"w", "v"}),
        ("(lambda x: x)(x)", {"x"}),
        ("(m := 3) + m", set()),
        ("any((m := x) for x in a) and m", {"a"}),
        ("Decimal('1') + math.pi + Counter(input)['x']", {"input"}),
        ("re.sub('\\d', '', now)", {"now"}),
        ("x.y.z", {"x"}),
    ],
)
def test_a_name_is_free_where_no_scope_binds_it(expression, names):
    assert read_expression(expression).names == names


@pytest.mark.parametrize(
    ("expression", "part"),
    [
        ("steps", "one step at a time"),
        ("len(steps)", "one step at a time"),
        ("'a' in steps", "one step at a time"),
        ("{**steps}", "one step at a time"),
        ("(lambda s=steps: s['a'])()", "one step at a time"),
        ("steps.clean['text']", "with brackets: steps['clean']"),
        ("steps[input['x']]", "Write the step's id out"),
        ("steps['a' + 'b']", "Write the step's id out"),
        ("steps[0]", "Write the step's id out"),
        ("steps.get(input)", "Write the step's id out"),
        ("[steps['a'] for steps in input]", "must not be given another meaning"),
        ("(lambda steps: steps['a'])({})", "must not be given another meaning"),
        ("(input := {})", "`input` has a meaning already"),
        ("[(len := x) for x in input]", "`len` has a meaning already"),
        ("''.__class__", "two underscores"),
        ("__import__('os')", "two underscores"),
        ("", "This is not Python"),
        ("# nothing", "This is not Python"),
        ("1) + (2", "This is not Python"),
        ("x = 1", "This is not Python"),
        ("a b", "This is not Python"),
        ("x for x in input", "one expression is expected"),
        ("\x00", "This is not Python"),
        ("'\ud800'", "too complicated"),
        (r"'\ud800'", "half of a character"),
        (r"f'{now}\udfff'", "half of a character"),
        (r"'\ud83d\ude00'", "half of a character"),
        ("ｉnput['a']", "Write `input` in plain letters"),
        ("f\"{ｉnput['a']}\"", "Write `input` in plain letters"),
        ("ℬ(1)", "Write `B` in plain letters"),
        ("[ｘ for ｘ in input]", "Write `x` in plain letters"),
        ("input.ｇet('a')", "Write `get` in plain letters"),
        ("dict(ａ=1)", "Write `a` in plain letters"),
        ("9" * 5000, "This is not Python"),
        ("(" * 300 + ")" * 300, "This is not Python"),
        ("1" + "+1" * 9000, "too complicated"),
        ("-" * 9000 + "1", "too complicated"),
        ("1" * 20_001, "at most 20000 characters"),
    ],
)
def test_it_complains_about_an_expression_in_a_sentence(expression, part):
    [*faults] = read_expression(expression).faults
    assert any(part in fault for fault in faults), faults
    assert all(len(fault) < 250 and fault.endswith((".", "?")) for fault in faults)


@pytest.mark.parametrize(
    ("code", "names", "steps"),
    [
        (RUN + "return steps['a']", set(), {"a"}),
        (RUN + "a, (b, *c) = input\n    return a + b + c + d", {"d"}, set()),
        (RUN + "for i, x in input:\n        y = x\n    return y + i", set(), set()),
        (RUN + "try:\n        return 1\n    except KeyError as e:\n        return str(e)", set(), set()),
        (RUN + "with input as f:\n        return f", set(), set()),
        (
            RUN + "match input:\n        case {'a': x, **rest}: return [x, rest]\n        case [y, *z]: return [y, z]",
            set(),
            set(),
        ),
        (RUN + "def inner(x):\n        return x + base\n    base = 1\n    return inner(1)", set(), set()),
        (RUN + "def inner():\n        hidden = 1\n    return hidden", {"hidden"}, set()),
        (RUN + "n = 0\n    def inner():\n        nonlocal n\n        n += 1\n    return n", set(), set()),
        (RUN + "global seen\n    seen = 1\n\ndef later():\n    return seen", set(), set()),
        ("from decimal import Decimal as D\nimport math\n" + RUN + "return D(math.pi)", set(), set()),
        ("LIMIT = constants['x']\n" + RUN + "return LIMIT", {"constants"}, set()),
        (
            RUN + "def typed(x: Any) -> Whatever:\n        y: Other = x\n        return y\n    return typed(1)",
            set(),
            set(),
        ),
        ("class Point:\n    size = 1\n\n" + RUN + "return Point.size", set(), set()),
    ],
)
def test_it_reads_the_scopes_of_code(code, names, steps):
    reading = read_code(code)
    assert (reading.names - {"steps"}, reading.steps, reading.faults) == (names, steps, ())


def test_the_steps_may_be_handed_on_to_a_function_of_the_same_code():
    code = "def total(line, steps):\n    return line * steps['rate']\n\n" + RUN
    assert read_code(code + "return total(1, steps) + total(2, steps=steps)").faults == ()
    assert read_code(code + "return total(1, steps)").steps == {"rate"}
    assert read_code(code + "return total(steps, {})").faults == (
        "`steps` is read one step at a time, as in steps['clean'].",
    )
    assert read_code(RUN + "return list(steps)").faults == (
        "`steps` is read one step at a time, as in steps['clean'].",
    )


@pytest.mark.parametrize(
    ("code", "part"),
    [
        ("x = 1", "must define `def run(input, steps):`"),
        ("def run(input):\n    return 1", "exactly these two parameters"),
        ("def run(steps, input):\n    return 1", "exactly these two parameters"),
        ("def run(input, steps, x=1):\n    return 1", "exactly these two parameters"),
        ("def run(input, steps={}):\n    return 1", "exactly these two parameters"),
        ("def run(input, steps, *more):\n    return 1", "exactly these two parameters"),
        ("async def run(input, steps):\n    return 1", "exactly these two parameters"),
        (RUN + "return 1\n\n" + RUN + "return 2", "once"),
        ("run = lambda input, steps: 1", "must define"),
        (RUN + "import os\n    return 1", "'os' cannot be imported"),
        (RUN + "return 1\nimport os.path", "'os.path' cannot be imported"),
        ("from . import x\n" + RUN + "return 1", "'.' cannot be imported"),
        ("constants = {}\n" + RUN + "return 1", "`constants` is given"),
        (RUN + "steps = {}\n    return 1", "must not be given another meaning"),
        (RUN + "return (1).__class__", "two underscores"),
        ("def __getattr__(x):\n    return 1\n\n" + RUN + "return 1", "two underscores"),
        ("def run(input, steps)\n    return 1", "(line 1)"),
        (RUN + "return (", "(line 2)"),
        ("#" * 100_001, "at most 100000 characters"),
    ],
)
def test_it_complains_about_code_in_a_sentence(code, part):
    [*faults] = read_code(code).faults
    assert any(part in fault for fault in faults), faults
