"""The page of people to be, in Dutch as the pages around it."""

from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha256
from html import escape

from embedded.openid_provider.people import PEOPLE, DefaultSchool

PASSED_ON = (
    *("client_id", "redirect_uri", "response_type", "state", "nonce"),
    *("code_challenge", "code_challenge_method"),
)
_STYLE = """
body { font: 1.1rem/1.5 system-ui, sans-serif; max-width: 40rem; margin: 2rem auto; padding: 0 1rem;
  color: #14213d }
button { font: inherit; display: block; width: 100%; text-align: start; padding: .8rem 1rem;
  margin: .6rem 0; border: 2px solid #0b5394; border-radius: 6px;
  background: #fff; cursor: pointer }
button:hover { background: #eef3f9 }
b { display: block }
:focus-visible { outline: 3px solid #d35400 }
input { font: inherit; padding: .4rem; width: 10rem }
label { display: block; margin: .6rem 0 }
.note { border-inline-start: 6px solid #8a4b00; padding: .4rem 1rem; background: #fdf3e1 }
"""
_PAGE = """<!doctype html>
<html lang="nl">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Wie bent u? Aanmelden voor ontwikkeling</title>
<style>{style}</style>
</head>
<body>
<main>
<h1>Wie bent u?</h1>
<p class="note">Alleen voor ontwikkeling: deze personen bestaan niet en hebben geen wachtwoord.</p>
<form method="post" action="/authorize">
{hidden}
<label>Schoolnummer <input name="school" required pattern="[0-9]{{6}}" maxlength="6"
 value="{school}" autocomplete="off"></label>
<label>Klas van de leerkracht <input name="class_group" maxlength="64" value="{class_group}"
 autocomplete="off"></label>
{people}
</form>
</main>
</body>
</html>
"""
_HASH = b64encode(sha256(_STYLE.encode()).digest()).decode()
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_HASH}'; "
    "frame-ancestors 'none'; base-uri 'none'",
}


def render_people(query: Mapping[str, str], default: DefaultSchool) -> str:
    """Return the page for an authorization request, whose parameters the form passes on."""
    fields = (
        f'<input type="hidden" name="{name}" value="{escape(query[name])}">' for name in PASSED_ON
    )
    people = (
        f'<button name="person" value="{one.code}"><b>{escape(one.name)}</b>{escape(one.task)}'
        "</button>"
        for one in PEOPLE
    )
    return _PAGE.format(
        style=_STYLE,
        hidden="\n".join(fields),
        school=escape(default.school_id),
        class_group=escape(default.class_group),
        people="\n".join(people),
    )
