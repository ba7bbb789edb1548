"""The whole explorer: in AppTest, and in a real Chromium (slow)."""

import hashlib
import json
import math
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, Page, expect
from streamlit.testing.v1 import AppTest

from app.explorer import EXAMPLE, PAGES
from benchmarks.explorer.redraw import large_book, redraws
from benchmarks.explorer.server import CHROMIUM, browser, serve, settle
from planner import Entry, Limits, LookupTable, Selector, read_tables, select
from planner.artifacts import check_artifact
from planner.export import to_csv
from planner.plain_text import in_markdown

ROOT = Path(__file__).parents[2]


def start(monkeypatch: pytest.MonkeyPatch, *paths: Path) -> AppTest:
    monkeypatch.setattr(sys, "argv", ["explorer.py", *map(str, paths)])
    page = AppTest.from_file(str(ROOT / "app" / "explorer.py"), default_timeout=60).run()
    assert not page.exception
    return page


def test_it_opens_a_run(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert start(monkeypatch, run).title[0].value == "Accuracy against cost"


@pytest.mark.parametrize("content", ["", "{", "[1]", '{"schema_version": 9}'])
def test_a_damaged_file_has_a_page_that_says_what_to_do(
    content: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "x.json").write_text(content)
    page = start(monkeypatch, tmp_path / "x.json")
    assert page.title[0].value == "These tables can't be shown"
    assert in_markdown(tmp_path / "x.json") in page.error[0].value


def test_a_missing_file_has_a_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    missing = start(monkeypatch, tmp_path / "none.json")
    assert "can't be read" in missing.error[0].value


def test_without_a_run_it_opens_the_example(monkeypatch: pytest.MonkeyPatch) -> None:
    page = start(monkeypatch)
    assert page.title[0].value == "Accuracy against cost"
    assert "An example" in page.caption[0].value
    assert len(page.selectbox(key="device").options) == 2


def test_an_empty_table_has_a_page(
    new_table: Callable[..., LookupTable], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    new_table(0).write(tmp_path / "x.json")
    assert start(monkeypatch, tmp_path / "x.json").title[0].value == "No entries to show yet"


def test_a_users_own_app_and_planner_in_the_current_folder_change_nothing(tmp_path: Path) -> None:
    for name in ("app", "planner"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise SystemExit('the wrong one')\n")
    page = "AppTest.from_file(sys.argv.pop(), default_timeout=60).run()"
    shown = f"page = {page}; print(page.title[0].value, len(page.exception))"
    script = f"import sys; from streamlit.testing.v1 import AppTest; {shown}"
    done = subprocess.run(
        [sys.executable, "-c", script, str(ROOT / "app" / "explorer.py")],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.stdout == "Accuracy against cost 0\n", done.stderr[-2000:]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    if not os.access(CHROMIUM, os.X_OK):
        pytest.skip(f"no {CHROMIUM} to run: apt-get install chromium")
    with browser() as opened:
        yield opened


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    context = chromium.new_context(viewport={"width": 1280, "height": 900}, accept_downloads=True)
    yield context.new_page()
    context.close()


def type_budget(page: Page, budget: float) -> None:
    field = page.get_by_label("Budget, ms", exact=True)
    field.fill(str(budget))
    field.press("Enter")


@pytest.mark.slow
def test_a_budget_in_the_browser_is_planner_select(run: Path, page: Page, tmp_path: Path) -> None:
    table_path = run / "search" / "lookup_table.json"
    (table,) = read_tables(table_path)
    with serve([run]) as address:
        page.goto(address)
        settle(page)
        for budget in (0.5, 3.0):
            type_budget(page, budget)
            chosen = select(table, Limits(max_latency_ms=budget)).config_id
            expect(page.get_by_role("heading", name=f"Chosen: {chosen}")).to_be_visible()
        expect(page).to_have_url(re.compile("budget=3"))  # the two budgets may choose one entry

        # A colleague opens the same view.
        page.goto(page.url)
        settle(page)
        expect(page.get_by_role("heading", name=f"Chosen: {chosen}")).to_be_visible()

        page.wait_for_selector(".budget-line .budget", state="attached")
        page.wait_for_timeout(1000)  # the fields below move while the chart loads
        axis = page.get_by_label("X axis")
        axis.evaluate("field => field.scrollIntoView({block: 'start'})")  # room for the list
        page.wait_for_timeout(500)
        axis.click()
        page.get_by_role("option", name="Multiply-adds, millions").click()
        title = page.locator(".js-plotly-plot .xtitle")
        expect(title.filter(has_text="Multiply-adds, millions")).to_have_count(1)
        expect(title).to_have_count(1)  # the old chart stands beside it for a moment

        page.get_by_role("link", name="Export").click()
        expect(page.get_by_role("heading", name="Export a table")).to_be_visible()
        settle(page)
        with page.expect_download() as entry:
            page.get_by_role("button", name=f"Download {chosen} as JSON").click()
        entry.value.save_as(tmp_path / "entry.json")
        with page.expect_download() as whole:
            page.get_by_role("button", name="Download 30 entries as JSON").click()
        whole.value.save_as(tmp_path / "table.json")

    def planner(*arguments: str) -> str:
        command = [sys.executable, "-m", "planner", *arguments]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout

    printed = planner("select", str(table_path), "--max-latency-ms", "3")
    assert json.loads((tmp_path / "entry.json").read_text()) == json.loads(printed)
    assert "valid" in planner("validate", str(tmp_path / "table.json"))
    assert (tmp_path / "table.json").read_bytes() == table_path.read_bytes()


@pytest.mark.slow
def test_the_line_is_dragged_and_a_point_is_clicked(run: Path, page: Page) -> None:
    (table,) = read_tables(run / "search" / "lookup_table.json")
    with serve([run]) as address:
        page.goto(f"{address}?budget=1")
        settle(page)
        page.wait_for_selector(".budget-line .budget", state="attached")
        page.wait_for_timeout(1000)  # the chart moves while its fonts load
        accuracies = [entry.accuracy.top1 for entry in table]
        middle = 50 * (min(accuracies) + max(accuracies))
        x, y = page.evaluate(PLACE, [1.0, middle])
        page.mouse.move(x, y)
        page.mouse.down()
        page.mouse.move(x + 60, y, steps=5)
        page.mouse.move(x + 120, y, steps=5)
        page.mouse.up()
        field = page.get_by_label("Budget, ms", exact=True)
        expect(field).not_to_have_value("1")
        dragged = float(field.input_value())
        assert dragged > 1.2
        chosen = select(table, Limits(max_latency_ms=dragged)).config_id
        expect(page.get_by_role("heading", name=f"Chosen: {chosen}")).to_be_visible()
        settle(page)

        other = select(table, Limits(max_latency_ms=0.8))
        page.wait_for_timeout(500)
        place = page.evaluate(PLACE, [other.latency.p50_ms, other.accuracy.top1 * 100])
        page.mouse.click(*place)
        expect(page.get_by_role("heading", name=f"Chosen: {other.config_id}")).to_be_visible()


# Where the page shows a point of the chart whose x axis is logarithmic.
PLACE = """
([x, y]) => {
  const chart = document.querySelector('.js-plotly-plot'), layout = chart._fullLayout;
  const box = chart.getBoundingClientRect();
  return [box.left + layout.xaxis._offset + layout.xaxis.l2p(Math.log10(x)),
          box.top + layout.yaxis._offset + layout.yaxis.l2p(y)];
}
"""


@pytest.mark.slow
def test_the_budget_goes_along_and_back_steps_through_budgets(run: Path, page: Page) -> None:
    """The budget was lost between pages, and Back left the app."""
    field = page.get_by_label("Budget, ms", exact=True)
    with serve([run]) as address:
        page.goto(f"{address}?budget=1")
        settle(page)
        for budget in ("2", "3"):
            type_budget(page, float(budget))
            page.wait_for_url(f"**budget={budget}**")
            settle(page)
        page.get_by_role("link", name="Export").click()
        expect(page.get_by_role("heading", name="Export a table")).to_be_visible()
        expect(field).to_have_value("3")
        page.wait_for_url("**/export?budget=3")
        settle(page)
        for _ in range(2):  # the link to the page is a step of its own
            if "/export" in page.url:
                page.go_back()
                page.wait_for_timeout(500)
                settle(page)
        expect(page.get_by_role("heading", name="Accuracy against cost")).to_be_visible()
        expect(field).to_have_value("3")
        for budget in ("2", "1"):
            settle(page)
            page.go_back()
            expect(field).to_have_value(budget)
            expect(page).to_have_url(re.compile(f"budget={budget}$"))


@pytest.mark.slow
def test_a_point_that_is_dominated_is_what_was_clicked(run: Path, page: Page) -> None:
    (table,) = read_tables(run / "search" / "lookup_table.json")
    front = {entry.config_id for entry in Selector(table.entries).front}
    beside = [entry for entry in table if entry.config_id not in front]
    entry = max(beside, key=lambda entry: distance(entry, table))
    with serve([run]) as address:
        page.goto(address)
        settle(page)
        page.wait_for_selector(".budget-line .budget", state="attached")
        page.wait_for_timeout(1000)
        page.mouse.click(*page.evaluate(PLACE, [entry.latency.p50_ms, entry.accuracy.top1 * 100]))
        expect(page.get_by_role("heading", name=f"Chosen: {entry.config_id}")).to_be_visible()
        expect(page.get_by_text("You picked this entry")).to_be_visible()
        page.get_by_role("link", name="Network").click()
        expect(page.get_by_role("heading", name="Structure of a config")).to_be_visible()
        page.wait_for_url(f"**config={entry.config_id}**")


@pytest.mark.slow
def test_a_row_of_the_table_is_shipped_until_the_budget_changes(run: Path, page: Page) -> None:
    (table,) = read_tables(run / "search" / "lookup_table.json")
    with serve([run]) as address:
        page.set_viewport_size({"width": 1280, "height": 1800})
        page.goto(address)
        settle(page)
        page.wait_for_selector(".budget-line .budget", state="attached")
        page.wait_for_timeout(2000)  # the table moves while the chart loads
        box = page.get_by_test_id("stDataFrame").bounding_box()
        assert box is not None
        page.mouse.click(box["x"] + 18, box["y"] + 36 + 35 * 3 + 17)
        chosen = page.get_by_role("heading", name=f"Chosen: {table.entries[3].config_id}")
        expect(chosen).to_be_visible()
        type_budget(page, 3.0)
        best = select(table, Limits(max_latency_ms=3.0)).config_id
        expect(page.get_by_role("heading", name=f"Chosen: {best}")).to_be_visible()


def distance(entry: Entry, table: LookupTable) -> float:
    """How far an entry lies from the next one on the chart, roughly."""
    return min(
        abs(math.log(entry.latency.p50_ms / other.latency.p50_ms))
        + 10 * abs(entry.accuracy.top1 - other.accuracy.top1)
        for other in table
        if other is not entry
    )


@pytest.mark.slow
def test_no_page_asks_anything_of_another_host(
    run: Path, other_table: Path, page: Page, tmp_path: Path
) -> None:
    """An image in a device's name was fetched, and so was the page's icon."""
    (table,) = read_tables(other_table)
    evil = "![x](http://foreign.invalid/x.png) <img src='http://foreign.invalid/y.png'> [a](b)"
    supernet = dict(table.supernet) | {"model": evil, "data": evil}
    target = replace(table.target, device=evil)
    provenance = dict(table.provenance) | {"command": evil}
    hostile = replace(table, supernet=supernet, target=target, provenance=provenance)
    hostile.write(tmp_path / "hostile.json")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    with serve([run, tmp_path / "hostile.json"]) as address:
        for name in PAGES:
            where = "" if name == "front" else name
            page.goto(f"{address}/{where}?device={quote(evil + ', onnxruntime')}")
            settle(page)
            page.get_by_text("Where these numbers come from").click()
            page.wait_for_timeout(500)
            assert page.locator("[data-testid=stMain] img").count() == 0
            assert page.locator("[data-testid=stMain] a[href*=foreign]").count() == 0
        damaged = tmp_path / "damaged ![x](http:__foreign.invalid_x.png).json"
        damaged.write_text("{")
    with serve([damaged]) as address:
        page.goto(address)
        settle(page)
    own = ("http://127.0.0.1:", "ws://127.0.0.1:", "data:", "blob:")
    assert [url for url in asked if not url.startswith(own)] == []
    assert len(asked) > 10


@pytest.mark.slow
@pytest.mark.parametrize("size", [(1280, 720), (390, 844)])
def test_the_answer_and_the_budget_are_on_the_first_screen(
    chromium: Browser, size: tuple[int, int]
) -> None:
    width, height = size
    context = chromium.new_context(viewport={"width": width, "height": height})
    page = context.new_page()
    with serve([]) as address:
        page.goto(address)
        settle(page)
        answer = page.get_by_role("heading", name=re.compile("^Ship .* times as fast"))
        for shown in (answer, page.get_by_label("Budget, ms", exact=True)):
            expect(shown).to_be_visible()
            box = shown.bounding_box()
            assert box is not None
            assert box["y"] + box["height"] < height
    context.close()


@pytest.mark.slow
def test_a_table_is_dropped_on_the_page(page: Page, other_table: Path) -> None:
    with serve([]) as address:
        page.goto(address)
        settle(page)
        page.get_by_text("Open more tables").click()
        page.get_by_test_id("stFileUploaderDropzone").locator("input").set_input_files(other_table)
        expect(page.get_by_text("slow CPU, onnxruntime").first).to_be_visible()
        expect(page.get_by_text("An example measured")).to_have_count(0)


@pytest.mark.slow
def test_the_example_is_packed_whole(page: Page, tmp_path: Path) -> None:
    (table, _) = read_tables(EXAMPLE)
    with serve([]) as address:
        page.goto(f"{address}/export")
        settle(page)
        page.get_by_role("tab", name="CSV").click()
        with page.expect_download() as csv:
            page.get_by_role("button", name=f"Download {len(table)} entries as CSV").click()
        csv.value.save_as(tmp_path / "table.csv")
        with page.expect_download() as packed:
            page.get_by_role("link", name="as zip").click()
        packed.value.save_as(tmp_path / "artifacts.zip")
    assert (tmp_path / "table.csv").read_bytes() == to_csv(table)
    with zipfile.ZipFile(tmp_path / "artifacts.zip") as archive:
        archive.extractall(tmp_path / "zip")
    part = LookupTable.read(tmp_path / "zip" / "lookup_table.json")
    assert len(part) >= 1
    for entry in part:
        path = check_artifact(entry, tmp_path / "zip")
        assert entry == table.by_config_id[entry.config_id] or entry.tied_with == ()
        assert hashlib.sha256(path.read_bytes()).hexdigest() == entry.artifact.sha256  # type: ignore[union-attr]
    files = {path.name for path in (tmp_path / "zip").iterdir()}
    assert files == {"lookup_table.json", *(e.artifact.file for e in part if e.artifact)}


@pytest.mark.slow
def test_what_cannot_be_shown_has_a_page_in_the_browser(
    new_table: Callable[..., LookupTable], page: Page, tmp_path: Path
) -> None:
    new_table(0).write(tmp_path / "empty.json")
    (tmp_path / "damaged.json").write_text('{"schema_version": 1, "tables": [')
    with (tmp_path / "huge.json").open("wb") as huge:
        huge.truncate(10**9)
    for name, title in {
        "empty": "No entries to show yet",
        "damaged": "These tables can't be shown",
        "huge": "These tables can't be shown",
        "missing": "These tables can't be shown",
    }.items():
        with serve([tmp_path / f"{name}.json"]) as address:
            for where in ("", "/network"):
                page.goto(address + where)
                settle(page)
                expect(page.get_by_role("heading", name=title)).to_be_visible()
                expect(page.get_by_test_id("stException")).to_have_count(0)
                expect(page.get_by_text("nas.search --out").first).to_be_visible()


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_draws_without_an_error(
    run: Path, other_table: Path, chromium: Browser, scheme: str
) -> None:
    context = chromium.new_context(
        viewport={"width": 390 if scheme == "dark" else 1280, "height": 900},
        color_scheme="dark" if scheme == "dark" else "light",
    )
    page = context.new_page()
    with serve([run, other_table]) as address:
        for name, (title, _) in PAGES.items():
            page.goto(address if title == "Front" else f"{address}/{name}")
            settle(page)
            expect(page.get_by_test_id("stException")).to_have_count(0)
            assert page.locator("h1").count() == 1
            if name != "export":
                expect(page.locator(".js-plotly-plot").first).to_be_visible()
            # Nothing is wider than the window.
            assert page.evaluate("() => document.body.scrollWidth <= window.innerWidth")
    context.close()


@pytest.mark.slow
@pytest.mark.timing
def test_a_hundred_thousand_candidates_on_five_devices(
    new_table: Callable[..., LookupTable], page: Page, tmp_path: Path
) -> None:
    book = large_book(new_table(200))
    book.write(tmp_path / "book.json")
    with serve([tmp_path / "book.json"]) as address:
        page.goto(address, timeout=60_000)
        settle(page)
        times = redraws(page, book.tables[0], 7)
    assert sorted(times)[len(times) // 2] < 500, times
