"""Every page of the explorer, light and dark, 1280 and 390 pixels wide, as PNG files.

    python -m benchmarks.explorer.screenshots --out build/screenshots
    python -m benchmarks.explorer.screenshots RUN [TABLE ...] --out build/screenshots
    python -m benchmarks.explorer.screenshots --out build/screenshots --readme

Without a run it shows the example. With --readme those of the documents are written to docs/ too.
"""

import argparse
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import Literal

from PIL import Image
from playwright.sync_api import Page

from benchmarks.explorer.server import browser, serve, settle

PAGES = ("front", "devices", "plan", "network", "compare", "export")
WIDTHS = (1280, 390)
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
DOCS = Path(__file__).parents[2] / "docs"
README = {
    "front-light-1280": "explorer.png",
    "network-dark-1280": "explorer_dark.png",
    "plan-light-1280": "explorer_plan.png",
}
MAX_HEIGHT = 4000
NUM_COLOURS = 128


def shoot(address: str, page: Page, name: str, path: Path) -> None:
    """Save the whole page; it scrolls within itself, so the window is made as tall as it."""
    width = page.viewport_size["width"] if page.viewport_size else WIDTHS[0]
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(address if name == PAGES[0] else f"{address}/{name}")
    settle(page)
    page.wait_for_timeout(2000)  # charts load and fade in
    for _ in range(2):  # what comes into view may grow
        height = page.evaluate("() => document.querySelector('[data-testid=stMain]').scrollHeight")
        page.set_viewport_size({"width": width, "height": min(MAX_HEIGHT, height + 20)})
        page.wait_for_timeout(500)
    page.screenshot(path=str(path))


def shoot_all(paths: Sequence[Path], pages: Sequence[str], out: Path) -> Iterator[Path]:
    """Serve the paths, open every page and save what it looks like; yield each file."""
    with serve(paths) as address, browser() as chromium:
        for width, scheme in product(WIDTHS, SCHEMES):
            context = chromium.new_context(
                viewport={"width": width, "height": 900}, color_scheme=scheme
            )
            page = context.new_page()
            for name in pages:
                path = out / f"{name}-{scheme}-{width}.png"
                shoot(address, page, name, path)
                yield path
            context.close()


def main() -> None:
    """Make them all."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("paths", nargs="*", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--pages", nargs="+", choices=PAGES, default=PAGES)
    parser.add_argument("--readme", action="store_true", help="write docs/explorer*.png as well")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    paths = [path.resolve() for path in arguments.paths]
    for path in shoot_all(paths, arguments.pages, arguments.out):
        print(path)
        if arguments.readme and path.stem in README:
            few = Image.open(path).convert("RGB").quantize(NUM_COLOURS)
            few.save(DOCS / README[path.stem], optimize=True)


if __name__ == "__main__":
    main()
