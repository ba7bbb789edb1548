"""Every page of the explorer, light and dark, 1280 and 390 pixels wide, as PNG files.

python -m benchmarks.screenshots RUN [TABLE ...] --out build/screenshots
"""

import argparse
from itertools import product
from pathlib import Path
from typing import Literal

from benchmarks.explorer_server import browser, serve, settle

PAGES = ("front", "devices", "plan", "network", "compare", "export")
WIDTHS = (1280, 390)
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")


def main() -> None:
    """Serve the paths, open every page and save what it looks like."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("paths", nargs="+", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--pages", nargs="+", choices=PAGES, default=PAGES)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    paths = [path.resolve() for path in arguments.paths]
    with serve(paths) as address, browser() as chromium:
        for width, scheme in product(WIDTHS, SCHEMES):
            context = chromium.new_context(
                viewport={"width": width, "height": 900}, color_scheme=scheme
            )
            page = context.new_page()
            for name in arguments.pages:
                page.goto(address if name == PAGES[0] else f"{address}/{name}")
                settle(page)
                page.wait_for_timeout(800)  # charts fade in
                # The page scrolls within itself: make the window as tall as what it holds.
                height = page.evaluate(
                    "() => document.querySelector('[data-testid=stMain]').scrollHeight"
                )
                page.set_viewport_size({"width": width, "height": min(4000, height + 20)})
                page.wait_for_timeout(500)
                page.screenshot(path=str(arguments.out / f"{name}-{scheme}-{width}.png"))
                page.set_viewport_size({"width": width, "height": 900})
            context.close()


if __name__ == "__main__":
    main()
