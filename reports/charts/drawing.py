"""Pictures by pygal, without its own style and script: the policy of the pages allows nothing inline, and both themes are told in
one style sheet. A shape is coloured by the class of its series, which `marks` names."""

from collections.abc import Callable, Sequence
from math import ceil, floor, log10
from typing import Any

from markupsafe import Markup
from pygal.config import Config
from pygal.etree import etree
from pygal.graph.graph import Graph
from pygal.style import Style

# Small enough that its letters can be read on a telephone, where it is as wide as the window.
WIDTH, HEIGHT = 480, 270
FONT = 12
STYLE = Style(label_font_size=FONT, major_label_font_size=FONT, value_font_size=FONT, font_family="sans-serif")
STRIPPED = (
    "defs",
    "desc",
    "title",
)  # style and script; what pygal's own script would show; titles that it repeats for each line
MARKS = "mark-"
LINES, NEARLY = 6, 1e-9  # of an axis; what a float may lack
BESIDE = "A sentence above says what one sees; the figures are in a table below."  # told once, by the page


def config(**more: Any) -> Config:
    made = Config()
    made.css, made.js = [], []
    made.style = STYLE
    made.width, made.height = WIDTH, HEIGHT
    made.show_legend = False
    made.explicit_size = False
    made.margin, made.margin_top, made.margin_right = 4, 14, 14
    made.show_x_guides = False
    made.max_scale, made.min_scale = 6, 3
    for name, value in more.items():
        setattr(made, name, value)
    return made


def drawn(chart: Graph, marks: Sequence[str], title: str, name: str) -> Markup:
    """The picture as part of a page. Escaped by the serialiser; what is in it are figures and names of ours."""
    root = chart.render_tree()
    _strip(root)
    _mark(root, marks)
    for one in ("id", "width", "height"):
        root.attrib.pop(one, None)
    root.set("role", "img")
    root.set("aria-labelledby", f"{name}-title {name}-desc")
    for place, (tag, text) in enumerate((("title", title), ("desc", BESIDE))):
        told = etree.Element(tag, {"id": f"{name}-{tag}"})
        told.text = text
        root.insert(place, told)
    return Markup(etree.tostring(root, encoding="unicode"))  # noqa: S704 - the serialiser escapes


def _strip(element: Any) -> None:
    for child in list(element):
        if callable(child.tag) or child.tag in STRIPPED or _is_empty(child):
            element.remove(child)
        else:
            child.attrib.pop("style", None)
            _strip(child)


def _is_empty(child: Any) -> bool:
    """Places for what its script would put there."""
    return not {"tooltip", "tooltip-overlay", "text-overlay"}.isdisjoint(child.get("class", "").split())


def _mark(root: Any, marks: Sequence[str]) -> None:
    """`series serie-0 color-0` → `series mark-ours`."""
    for element in root.iter("g"):
        words = element.get("class", "").split()
        places = [int(word.removeprefix("serie-")) for word in words if word.startswith("serie-")]
        if places:
            element.set("class", f"series {MARKS}{marks[places[0]]}")


def scaled(chart: Graph, low: float, high: float) -> None:
    """Its axis begins at zero or below, and ends at a step past the highest value: no bar goes on beyond its labels."""
    low, high = min(low, 0.0), max(high, 0.0)
    if low == high:
        return
    step = _step((high - low) / LINES)
    first, last = floor(low / step + NEARLY), ceil(high / step - NEARLY)
    chart.range = (first * step, last * step)
    chart.y_labels = [place * step for place in range(first, last + 1)]


def _step(least: float) -> float:
    """1, 2 or 5 of a power of ten."""
    power = 10.0 ** floor(log10(least))
    return next(size * power for size in (1, 2, 5, 10) if size * power >= least * (1 - NEARLY))


def money_axis(top: float) -> Callable[[float], str]:
    """`0.002`, `12`, `1,200`: as many places as tell the lines of an axis up to `top` apart."""
    places = next((places for places in range(9) if top * 10**places >= 20), 9)
    return lambda value: f"{value:,.{places}f}".replace("-", "−")
