import pytest

from services.api.http.downloads import content_disposition


@pytest.mark.parametrize(
    ("name", "plain", "extended"),
    [
        ("fiche.pdf", "fiche.pdf", "fiche.pdf"),
        ("Ωmega é.pdf", "_mega _.pdf", "%CE%A9mega%20%C3%A9.pdf"),
        ('a"b\\c.pdf', "a_b_c.pdf", "a%22b%5Cc.pdf"),
        ("../../etc/x\r\nY: z", ".._.._etc_x__Y: z", "..%2F..%2Fetc%2Fx%0D%0AY%3A%20z"),
        ("100%41.pdf", "100_41.pdf", "100%2541.pdf"),
    ],
)
def test_file_name_cannot_break_out_of_its_header(name: str, plain: str, extended: str) -> None:
    assert content_disposition(name) == (
        f"attachment; filename=\"{plain}\"; filename*=UTF-8''{extended}"
    )
