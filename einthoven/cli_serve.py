"""The command of the web page: ``serve``. `register` hangs it below the program."""

from __future__ import annotations

from typing import Annotated, Any

import typer

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command to the program.

    Parameters
    ----------
    app : typer.Typer
    """
    app.command(
        help="Serve the web page: accounts, uploads, results and one's own cases in a browser.\n\n"
        "Needs the extra einthoven[web]. Options left out are read from the environment (EINTHOVEN_WEB_DATABASE, "
        "...); the address of a database that holds a password belongs there. Behind a proxy that speaks HTTPS "
        "give --https.\n\n"
        "Not a medical device: nothing it shows may guide the care of a patient.",
        epilog="\b\n"
        "Examples:\n"
        "  einthoven serve\n"
        "  einthoven serve --address 0.0.0.0 --port 8080 --https --proxies 1\n"
        "  einthoven serve --database sqlite:////srv/einthoven/web.db --no-sign-up",
    )(serve)


def serve(
    address: Annotated[str, typer.Option(help="To listen at; 0.0.0.0 for all of this machine's.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535)] = 8501,
    database: Annotated[
        str | None,
        typer.Option(metavar="URL", show_default=False, help="Of accounts and cases.  [default: a file of the user's]"),
    ] = None,
    upload_mb: Annotated[
        int | None, typer.Option("--upload-mb", metavar="MB", min=1, show_default=False, help="[default: 200]")
    ] = None,
    https: Annotated[bool | None, typer.Option("--https/--no-https", help="A proxy in front speaks HTTPS.")] = None,
    proxies: Annotated[
        int | None, typer.Option(min=0, show_default=False, help="Trusted proxies in front.  [default: 0]")
    ] = None,
    sign_up: Annotated[
        bool | None, typer.Option("--sign-up/--no-sign-up", help="Whether anybody may make an account.")
    ] = None,
    oidc: Annotated[
        bool | None, typer.Option("--oidc/--no-oidc", help="Also log in through the provider of secrets.toml.")
    ] = None,
) -> None:
    """Serve the web page."""
    from einthoven.commands import serve as command

    given: dict[str, Any] = {
        "database": database,
        "upload_mb": upload_mb,
        "https": https,
        "proxies": proxies,
        "sign_up": sign_up,
        "oidc": oidc,
    }
    flags = {name: value for name, value in given.items() if value is not None}
    raise typer.Exit(command.run(address, port, flags))
