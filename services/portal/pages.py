"""Pages: the templates with the texts, and the headers of every response."""

from collections.abc import Mapping
from datetime import date, datetime
from hashlib import sha256
from importlib.resources import files
from tomllib import loads
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import Environment, PackageLoader, select_autoescape

STATIC = files("services.portal") / "static"
FONTS = files("fontpkg_fira_sans") / "files"
TTF = "font/ttf"
ASSETS: dict[str, tuple[str, bytes]] = {
    "portal.css": ("text/css; charset=utf-8", (STATIC / "portal.css").read_bytes()),
    "portal.js": ("text/javascript; charset=utf-8", (STATIC / "portal.js").read_bytes()),
    "icon.svg": ("image/svg+xml", (STATIC / "icon.svg").read_bytes()),
    "regular.ttf": (TTF, (FONTS / "FiraSans-Regular.ttf").read_bytes()),
    "bold.ttf": (TTF, (FONTS / "FiraSans-SemiBold.ttf").read_bytes()),
}
"""The content type and the bytes of each file of the pages, by name."""

BRUSSELS = ZoneInfo("Europe/Brussels")
MONTHS = (
    *("januari", "februari", "maart", "april", "mei", "juni"),
    *("juli", "augustus", "september", "oktober", "november", "december"),
)
DAYS = ("maandag", "dinsdag", "woensdag", "donderdag", "vrijdag", "zaterdag", "zondag")
SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; font-src 'self'; script-src 'self'; "
        "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}


def load_texts() -> dict[str, dict[str, str]]:
    return loads((files("services.portal") / "texts.toml").read_text(encoding="utf-8"))


class Pages:
    """The templates of the portal."""

    def __init__(self) -> None:
        self.texts = load_texts()
        environment = Environment(
            loader=PackageLoader("services.portal"),
            autoescape=select_autoescape(default=True),
            trim_blocks=True,
            lstrip_blocks=True,
        )
        environment.globals |= {"t": self.texts, "asset": asset_url}
        environment.filters |= {
            "fill": fill,
            "day": format_day,
            "weekday": format_weekday,
            "time": format_time,
            "moment": format_moment,
            "isolate": isolate,
        }
        self._environment = environment

    def render(self, template: str, facts: Mapping[str, Any]) -> str:
        return self._environment.get_template(template).render(facts)


def fill(text: str, **values: object) -> str:
    """Return a text with its names in braces filled in."""
    return text.format_map(values)


def isolate(name: str) -> str:
    """Return a name that does not change the direction of the text around it (UAX 9)."""
    return f"\N{FIRST STRONG ISOLATE}{name}\N{POP DIRECTIONAL ISOLATE}"


def format_day(value: str) -> str:
    """Return a date of the API in words."""
    day = date.fromisoformat(value[:10])
    return f"{day.day} {MONTHS[day.month - 1]} {day.year}"


def format_weekday(value: str) -> str:
    """Return the day of a date-time of the API in words, in Brussels, with its weekday."""
    day = datetime.fromisoformat(value).astimezone(BRUSSELS)
    return f"{DAYS[day.weekday()]} {format_day(day.isoformat())}"


def format_time(value: str) -> str:
    """Return the time of a date-time of the API, in Brussels."""
    return f"{datetime.fromisoformat(value).astimezone(BRUSSELS):%H:%M}"


def format_moment(value: str) -> str:
    """Return a date-time of the API in words, in Brussels."""
    moment = datetime.fromisoformat(value).astimezone(BRUSSELS)
    return f"{format_day(moment.isoformat())}, {moment:%H:%M} uur"


def asset_url(name: str) -> str:
    """Return the URL of an asset, which changes with its bytes."""
    return f"/static/{sha256(ASSETS[name][1]).hexdigest()[:12]}/{name}"
