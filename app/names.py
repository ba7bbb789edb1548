"""Short names that stay different: a chart's categories and labels have little room."""

from collections import Counter
from collections.abc import Iterable

MAX_LENGTH = 60


def short(text: str, max_length: int = MAX_LENGTH) -> str:
    """The text, cut in the middle: names of configs and devices often differ at the end."""
    if len(text) <= max_length:
        return text
    head = (max_length - 3) // 2
    return f"{text[:head]}...{text[len(text) - (max_length - 3 - head) :]}"


def short_names(texts: Iterable[str], max_length: int = MAX_LENGTH) -> dict[str, str]:
    """Map each text to a short one; texts that would look alike are numbered."""
    cut = {text: short(text, max_length) for text in texts}
    alike, numbers = Counter(cut.values()), Counter[str]()
    names = {}
    for text, one in cut.items():
        numbers[one] += 1
        names[text] = f"{one} #{numbers[one]}" if alike[one] > 1 else one
    return names
