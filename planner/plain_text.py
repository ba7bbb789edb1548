"""Text of a table where its characters have a meaning: in Markdown, in HTML and in a CSV cell.

Whoever writes a table chooses the name of its device or model. Whoever reads it should see that
name, not what a browser or a spreadsheet would make of it.
"""

import re

MARKDOWN = re.compile(r"[\\`*_{}\[\]<>#!|~$:&]|^[-+=]")
"""The characters that may begin a construct of Markdown; a backslash makes them literal."""
LINK = re.compile(r"(?<=http)(?=s?://)|(?<=www)(?=\.)|(?=@)", re.IGNORECASE)
"""Where GitHub's Markdown would find a link or an address in plain text, escaped or not."""
WORD_JOINER = "\u2060"
"""Invisible, and no part of a link."""
NUMBERED = re.compile(r"^(\d+)([.)])")
"""What begins a numbered list."""
FORMULA = ("=", "+", "-", "@", "\t", "\r")


def in_markdown(text: object) -> str:
    """Return one line of Markdown that shows `text` itself: no link, image, HTML or formula."""
    line = LINK.sub(WORD_JOINER, " ".join(str(text).split()))
    return NUMBERED.sub(r"\1\\\2", MARKDOWN.sub(r"\\\g<0>", line))


def in_html(text: object) -> str:
    """Return one line of HTML that shows `text` itself; Plotly's labels are such text."""
    line = " ".join(str(text).split())
    return line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def in_csv(value: object) -> object:
    """Return a cell that no spreadsheet evaluates: text that begins like a formula gets a `'`."""
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value
