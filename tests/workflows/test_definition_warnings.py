"""What is allowed and doubtful."""

from workflows.parsing import parse, warnings

from .test_definition import SMALL, TOOLS, changed


def places(document):
    return [fault.pointer for fault in warnings(parse(document, TOOLS))]


def choice(options):
    properties = {"kind": {"enum": options}, "inner": {"type": "array", "items": {"enum": ["none", "some"]}}}
    return changed("steps/1/output_schema", {"type": "object", "properties": properties})


def test_a_careful_definition_has_no_warnings():
    assert places(SMALL) == []


def test_it_warns_of_a_model_step_without_checks():
    assert places(changed("steps/1/checks", [])) == ["/steps/1/checks"]


def test_it_warns_where_no_edge_case_is_named():
    assert places(changed("edge_cases", [])) == ["/edge_cases"]


def test_it_warns_where_nothing_says_what_is_covered():
    assert places(changed("covers", [])) == ["/covers"]


def test_it_warns_of_an_enum_without_a_way_out():
    assert places(choice(["refund", "invoice"])) == ["/steps/1/output_schema/properties/kind/enum"]


def test_a_word_for_none_of_them_is_a_way_out():
    assert places(choice(["refund", "Other Inquiries"])) == []
    assert places(choice(["refund", "invoice", "not_unknown"])) == []
    assert places(choice(["refund", "invoice", None])) == []
    assert places(choice(["the only one"])) == []
