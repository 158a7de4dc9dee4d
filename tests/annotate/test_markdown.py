import re

import pytest

from annotate.markdown import to_html


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("Tag **names**, not *titles*.", "<p>Tag <strong>names</strong>, not <em>titles</em>.</p>\n"),
        ("one\ntwo", "<p>one<br />\ntwo</p>\n"),
        ("- Ada\n- Bob", "<ul>\n<li>Ada</li>\n<li>Bob</li>\n</ul>\n"),
        ("`Mr` & Mrs", "<p><code>Mr</code> &amp; Mrs</p>\n"),
        ("", ""),
    ],
)
def test_guidelines_are_read_as_markdown(text, html):
    assert to_html(text) == html


@pytest.mark.parametrize(("marks", "tag"), [("#", "h3"), ("##", "h4"), ("####", "h6"), ("######", "h6")])
def test_headings_stand_below_those_of_the_page(marks, tag):
    assert to_html(f"{marks} People") == f"<{tag}>People</{tag}>\n"


def test_a_table_is_shown_without_the_inline_style_that_the_policy_refuses():
    html = to_html("| tag | not |\n|:--|--:|\n| Ada | Mrs |")
    assert "<td>Ada</td>" in html
    assert "style" not in html


@pytest.mark.parametrize("address", ["https://example.org/a?b=1&c=2", "http://example.org", "mailto:ada@example.org"])
def test_a_link_leads_out_without_telling_where_from(address):
    html = to_html(f"[the rules]({address})")
    assert f'href="{address.replace("&", "&amp;")}"' in html
    assert 'rel="noopener noreferrer nofollow"' in html


HOSTILE = [
    "<script>alert(1)</script>",
    "<ScRiPt src=//evil.example/x.js></sCrIpT>",
    "text <img src=x onerror=alert(1)> text",
    "<svg/onload=alert(1)>",
    "<a href='javascript:alert(1)'>x</a>",
    "<div style='position:fixed'>x</div>",
    "<!-- --><script>alert(1)</script>",
    "<?php x ?><![CDATA[<script>alert(1)</script>]]>",
    "<iframe src=https://evil.example></iframe>",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](&#106;avascript:alert(1))",
    "[x](java&Tab;script:alert(1))",
    "[x](<java\tscript:alert(1)>)",
    "[x](data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==)",
    "[x](data:image/svg+xml;base64,PHN2Zy8+)",
    "[x](vbscript:msgbox(1))",
    "[x](file:///etc/passwd)",
    "[x](//evil.example)",
    "[x](/projects/news/settings)",
    "[x](mailto:)",
    "[x][1]\n\n[1]: javascript:alert(1)",
    "<javascript:alert(1)>",
    "![x](data:image/png;base64,AAAA)",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_hostile_becomes_an_element_or_a_link(text):
    html = to_html(text)
    assert set(re.findall(r"<(\w+)", html)) <= {"p"}
    assert re.findall(r"<[^>]*\s\w+=", html) == []


@pytest.mark.parametrize(
    "text",
    [
        '[x](https://example.org "a\\" onmouseover=\\"alert(1)")',
        '[x](https://example.org/" onmouseover="alert(1))',
        "[x](https://example.org/'onmouseover='alert(1))",
        '<https://example.org/"onmouseover="alert(1)>',
        '```x" onload="alert(1)\ny\n```',
    ],
)
def test_nothing_breaks_out_of_an_attribute(text):
    tags = re.findall(r"<\w+((?:\s[\w-]+=\"[^\"]*\")*)\s*/?>", to_html(text))
    names = {name for attributes in tags for name in re.findall(r"\s([\w-]+)=\"", attributes)}
    assert names <= {"href", "rel", "target", "title", "class"}
    assert re.sub(r"<\w+(?:\s[\w-]+=\"[^\"]*\")*\s*/?>|</\w+>", "", to_html(text)).count("<") == 0


def test_a_picture_from_elsewhere_is_a_link_and_is_not_fetched():
    html = to_html("![a map](https://evil.example/pixel.gif)")
    assert "<img" not in html
    assert 'href="https://evil.example/pixel.gif"' in html


def test_deep_nesting_ends():
    assert to_html("> " * 5000 + "x").count("<blockquote>") < 100
