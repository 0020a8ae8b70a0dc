"""`demo`: the whole path from CSV files to recommendations that a person can read."""

import re
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from openpersonalize.cli import options
from openpersonalize.cli.client import showing
from openpersonalize.cli.client.connection import (
    Connection,
    answers,
    connect,
    explained,
    no_server,
    server_url,
)
from openpersonalize.cli.client.folders import LAYOUT, StoreFolder, read_folder
from openpersonalize.cli.client.loading import LoadedStore, Loader
from openpersonalize.cli.client.movielens import convert
from openpersonalize.cli.client.progress import job_progress
from openpersonalize.cli.client.readers import Histories, Titles, read_histories, read_titles
from openpersonalize.cli.client.statuses import progress_bars
from openpersonalize.cli.client.temporary_server import temporary_server
from openpersonalize.cli.console import UserError, console
from openpersonalize.settings import Settings, load_settings

app = options.command_app()

RECIPES = {"for-you": "aws-user-personalization", "similar": "aws-sims"}
NAME = re.compile(r"[a-z0-9][a-z0-9-]{1,48}[a-z0-9]")
"""What is right for a bucket, and with a suffix for everything else that is created."""
NAME_REMEDY = "use 3 to 50 lower-case letters, digits and hyphens"
N_USERS = 3
N_LATEST = 10

Folder = Annotated[
    Path | None, typer.Argument(help="A folder of CSVs with their schemas.", show_default=False)
]
MovieLens = Annotated[
    Path | None,
    typer.Option("--movielens", metavar="DIR", help="MovieLens' folder ml-latest-small instead."),
]
Name = Annotated[
    str | None,
    typer.Option(
        "--name",
        help="Name of what is created, or was: then it is used again. Default: folder and time.",
    ),
]


@dataclass(frozen=True)
class Place:
    """Where a demo runs."""

    url: str
    settings: Settings
    is_temporary: bool = False


@app.command(
    epilog=LAYOUT.replace("\n", "\n\n"),
)
def command(
    folder: Folder = None,
    *,
    movielens: MovieLens = None,
    name: Name = None,
    endpoint_url: options.EndpointUrl = None,
    data_dir: options.DataDir = None,
) -> None:
    """Import a folder of CSVs, train on it, deploy, and show recommendations with titles.

    All goes through the public API, with the AWS SDK. Where no server runs, one is started and ended.
    """
    if (folder is None) == (movielens is None):
        raise UserError("give either a folder of CSVs or --movielens DIR. See openpersonalize demo -h.")
    if name is not None and not NAME.fullmatch(name):
        raise UserError(f"{name!r} cannot name what is created: {NAME_REMEDY}.")
    screen = console()
    settings = load_settings({"data_dir": data_dir})
    with tempfile.TemporaryDirectory() as scratch, _place(endpoint_url, settings, screen) as place:
        prepared = LoadedStore()
        with prepared.phase("read the folder"):
            store = read_folder(folder) if folder else convert(Path(movielens or ""), Path(scratch))
        with explained(place.url):
            _walk(store, name or _new_name(folder or movielens), place, screen, prepared.seconds)


@contextmanager
def _place(endpoint_url: str | None, settings: Settings, screen: Console) -> Iterator[Place]:
    url = server_url(endpoint_url, settings)
    if answers(url):
        if settings.object_store == "local" and not (settings.data_dir / "buckets").is_dir():
            raise UserError(
                f"a server runs at {url}, but {settings.data_dir} is not its data directory, "
                "where the files have to go: name it with --data-dir."
            )
        yield Place(url, settings)
        return
    if endpoint_url:
        raise UserError(no_server(url))
    with ExitStack() as until_the_end:
        with screen.status(f"No server at {url}: starting one for this demo"):
            url, data_dir = until_the_end.enter_context(temporary_server())
        yield Place(url, replace(settings, data_dir=data_dir, database_url=""), is_temporary=True)


def _new_name(folder: Path | None) -> str:
    base = re.sub(r"[^a-z0-9]+", "-", (folder or Path()).resolve().name.lower()).strip("-")
    return f"{base[:30].strip('-') or 'demo'}-{time.strftime('%m%d-%H%M%S')}"


def _walk(folder: StoreFolder, name: str, place: Place, screen: Console, seconds: dict[str, float]) -> None:
    connection = connect(place.url, region=place.settings.region)
    with progress_bars(screen) as bars, job_progress(place.settings) as how_far:
        loader = Loader(connection, bars, name, place.settings, how_far)
        store = loader.load(folder, RECIPES)
    histories = read_histories(folder)
    users = histories.users_to_show(N_USERS)
    with store.phase("first recommendation"):
        showing.recommended(connection, store.campaigns["for-you"], userId=users[0])
    store.seconds = seconds | store.seconds
    _show(screen, connection, store, histories=histories, titles=read_titles(folder), users=users)
    showing.show_seconds(screen, store)
    if place.is_temporary:
        screen.print(
            "The server of this demo ends with it: start `openpersonalize serve` first to keep all this."
        )
        return
    for use, arn in store.campaigns.items():
        screen.print(f"{use}: {arn}")


def _show(
    screen: Console,
    connection: Connection,
    store: LoadedStore,
    *,
    histories: Histories,
    titles: Titles,
    users: list[str],
) -> None:
    for_you, latest = store.campaigns["for-you"], {user: histories.latest(user, N_LATEST) for user in users}
    lists = {user: showing.recommended(connection, for_you, userId=user) for user in users}
    for user in users:
        showing.show_user(screen, user, latest=latest[user], items=lists[user], titles=titles)
    item = histories.best_known()
    similar = showing.recommended(connection, store.campaigns["similar"], itemId=item)
    showing.show_similar(screen, item, items=similar, titles=titles)

    user, other = users[0], users[-1]
    event_item = histories.best_known(
        [item for item in (*lists[other], *latest[other]) if item not in {*lists[user], *latest[user]}]
    )
    connection.events.put_events(
        trackingId=store.tracking_id,
        userId=user,
        sessionId=f"{user}-demo",
        eventList=[{"eventType": "View", "itemId": event_item, "sentAt": int(time.time())}],
    )
    after = showing.recommended(connection, for_you, userId=user)
    showing.show_change(
        screen,
        f"User {user} before and after one event: {titles.of(event_item)}",
        before=lists[user],
        after=after,
        titles=titles,
    )
