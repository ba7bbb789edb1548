"""Colours for colour-blind readers (Okabe and Ito 2008), each paired with a symbol.

All are mid-tones, which contrast with both light and dark backgrounds.
"""

BLUE = "#2A8BC9"
ORANGE = "#E69F00"
GREEN = "#00A078"
VERMILLION = "#E0662C"
PURPLE = "#CC79A7"
SKY = "#56B4E9"
GREY = "#8A8F98"
FAINT = "rgba(138, 143, 152, 0.25)"

ORIGINS = {
    "grid": ("uniform grid", BLUE, "circle"),
    "search": ("search", ORANGE, "diamond"),
    "baseline": ("baseline", GREEN, "square"),
}
SHAPES_OF_DTYPES: tuple[dict[str, str], ...] = (
    {},
    {"grid": "triangle-up", "search": "triangle-down", "baseline": "triangle-left"},
    {"grid": "cross", "search": "x", "baseline": "hourglass"},
    {"grid": "pentagon", "search": "star", "baseline": "hexagram"},
)
"""By the place of a number type among those of a table: what replaces the symbols of ORIGINS."""
DEVICES = (BLUE, ORANGE, GREEN, PURPLE, SKY, VERMILLION)
DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
SYMBOLS = ("circle", "diamond", "square", "triangle-up", "cross", "x")
CHOSEN = VERMILLION
VERDICTS = {
    "within noise": (GREY, "circle-open"),
    "faster": (BLUE, "triangle-down"),
    "slower": (VERMILLION, "triangle-up"),
}


def origin_style(origin: str, place: int = 0) -> tuple[str, str, str]:
    """Label, colour and symbol of an origin; number types, by their place, differ in the symbol."""
    label, colour, symbol = ORIGINS[origin]
    return label, colour, SHAPES_OF_DTYPES[place % len(SHAPES_OF_DTYPES)].get(origin, symbol)


def device_style(index: int) -> tuple[str, str, str]:
    """Colour, dash and symbol of a device by index; combinations repeat after 36 devices."""
    repeat = index // len(DEVICES)
    return (
        DEVICES[index % len(DEVICES)],
        DASHES[(index + repeat) % len(DASHES)],
        SYMBOLS[(index + repeat) % len(SYMBOLS)],
    )
