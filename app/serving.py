"""The explorer with a route that sends artifacts: what `mutualnas explorer` serves."""

import sys
from pathlib import Path

# As in explorer.py: the current folder may hold an `app` package of the user's.
if sys.path[0] != str(Path(__file__).resolve().parents[1]):
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route
from streamlit.starlette import App

from app.archive import check_sizes, zipped
from app.offers import OFFERS
from planner import PlannerError

HEADERS = {
    "Content-Disposition": 'attachment; filename="artifacts.zip"',
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
}


def send_artifacts(request: Request) -> Response:
    """Send the zip that a page has offered, piece by piece."""
    offer = OFFERS.find(request.path_params["name"])
    if offer is None:
        return PlainTextResponse("This offer is unknown; open the page Export again.\n", 404)
    table, folder = offer
    try:
        check_sizes(table, folder)
    except PlannerError as error:
        return PlainTextResponse(f"{error}\n", 409)
    return StreamingResponse(zipped(table, folder), media_type="application/zip", headers=HEADERS)


OFFERS.served = True
app = App(
    Path(__file__).with_name("explorer.py"),
    routes=[Route("/artifacts/{name}/artifacts.zip", send_artifacts, methods=["GET"])],
)
