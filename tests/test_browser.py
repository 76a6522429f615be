"""What the browser of the tests sees: else the tests of the pages could not fail."""

import pytest

from tests.browser import accessible, looked_at

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_script_inside_a_page_does_not_run_and_complains(opened):
    page = opened("/admin/login/")
    page.evaluate(
        "() => {const one = document.createElement('script'); one.textContent = 'window.ran = true'; document.body.append(one)}"
    )
    assert page.evaluate("window.ran") is None
    assert "Executing inline script violates" in page.complaints.pop()


def test_a_style_inside_a_page_complains(opened):
    page = opened("/admin/login/")
    page.evaluate("document.body.setAttribute('style', 'color: red')")
    assert "style-src" in page.complaints.pop()


def test_what_a_script_raises_complains(opened):
    page = opened("/admin/login/")
    page.evaluate("void setTimeout(() => { throw new Error('of a script') })")
    assert "of a script" in page.complaints.pop()


def test_what_reaches_out_of_the_window_is_named(opened):
    page = opened("/admin/login/")
    page.evaluate(
        "() => { const one = document.createElement('p'); one.textContent = 'wide'.repeat(200); document.body.append(one) }"
    )
    with pytest.raises(AssertionError, match=r"/admin/login/ is wider than 390 \(light\): \['<p>wide"):
        looked_at(page)


def test_what_is_not_for_everybody_is_named(opened):
    page = opened("/admin/login/")
    page.evaluate("document.querySelector('label').remove()")
    page.evaluate("document.querySelector('[for=id_password]').style.color = '#777'")
    with pytest.raises(AssertionError, match="/admin/login/ is not for everybody:") as raised:
        accessible(page)
    assert "light: label at #id_username: Form elements must have labels." in str(raised.value)
    assert "dark: color-contrast at label: Elements must meet minimum color contrast" in str(raised.value)
    accessible(page, apart_from=["label at #id_*", "color-contrast at label", "page-has-heading-one at *"])


def test_two_windows_share_nothing(opened, admin_client):
    hers, anybodys = opened("/admin/", admin_client), opened("/admin/")
    assert [hers.path, anybodys.path] == ["/admin/", "/admin/login/?next=/admin/"]
