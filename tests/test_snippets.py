"""Documents say only what is tried: each fenced block of each document is run by a test that says so, or says itself that it
is only shown."""

import pytest

from tests.snippets import SHOWN, Claim, claims, documents, snippets

WHAT_TO_DO = """

Documents say only what is tried. For each of these blocks, one of the two:

* Let a test run it. `(one,) = blocks(section(DOCUMENT, "The heading"), "json")`, of tests/test_docs.py, reads it and notices the
  next one. Commands are typed by `checkout(tmp_path)` of tests/terminal.py, with the real service: see tests/test_stories.py. The
  test says what it runs, with the heading the block stands right under, or without one for all of that language:
      @pytest.mark.runs("docs/tools.md", "json", "The heading")
  Nothing is to be done for requests (```http, each followed by its answer), scripts of models (```toml), and whole definitions
  (```yaml definition, ```json definition).
* Where no test can (it needs a key, another machine, hours), write ```sh shown. Its commands with their arguments, make targets
  and variables are held against those that there are all the same.
"""


@pytest.fixture(scope="module")
def told():
    return [snippet for document in documents() for snippet in snippets(document)]


@pytest.fixture(scope="module")
def claimed() -> list[Claim]:
    return list(claims())


def test_every_block_is_run_by_a_test_or_says_that_it_is_only_shown(told, claimed):
    assert len(told) > 100
    loose = [one for one in told if one.said != SHOWN and not any(claim.covers(one) for claim in claimed)]
    lines = [f"{one.document}:{one.line}: ```{one.language} {one.said}, under {one.heading!r}" for one in loose]
    assert not loose, "\n".join(lines) + WHAT_TO_DO


def test_every_block_says_its_language_and_nothing_that_is_not_known(told):
    odd = [f"{one.document}:{one.line}: {one.language} {one.said}" for one in told if not well_said(one)]
    assert not odd, "\n".join(odd) + "\n\nWrite a language, and behind it nothing, `shown`, `output` or `definition`."


def well_said(snippet) -> bool:
    known = {SHOWN, "", "definition"} if snippet.language != "text" else {SHOWN, "output"}
    return bool(snippet.language) and snippet.said in known


def test_what_a_test_says_that_it_runs_is_there(told, claimed):
    known = [claim for claim in claimed if claim.document != "*"]
    assert [claim for claim in known if not any(claim.covers(one) for one in told)] == []
