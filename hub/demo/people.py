"""Invented applicants: names put together by chance, numbers that nobody can have."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

SURNAMES = ("Nguyễn", "Trần", "Lê", "Phạm", "Hoàng", "Phan", "Vũ", "Đặng", "Bùi", "Đỗ", "Ngô")
MEN = (
    ("Văn", "Đức", "Minh", "Quang", "Hữu"),
    ("An", "Bình", "Cường", "Dũng", "Hải", "Khánh", "Long", "Nam", "Phúc", "Sơn", "Tuấn", "Việt"),
)
WOMEN = (
    ("Thị", "Thu", "Ngọc", "Thanh", "Minh"),
    ("Anh", "Chi", "Dung", "Hà", "Hương", "Lan", "Linh", "Mai", "Nga", "Phương", "Trang", "Yến"),
)

NO_PROVINCE = "099"
"""First digits of every identity number here; no province has this code."""


@dataclass(frozen=True, slots=True)
class Person:
    """An applicant. `id_number` has the twelve digits of a real one and belongs to nobody."""

    name: str
    id_number: str
    phone: str
    email: str


def invent(random: Random) -> Person:
    """Somebody who does not exist; numbers are in ranges that are given to nobody."""
    is_woman = random.random() < 0.5
    middles, givens = WOMEN if is_woman else MEN
    name = f"{random.choice(SURNAMES)} {random.choice(middles)} {random.choice(givens)}"
    birth_year = random.randrange(50, 100)
    number = random.randrange(1_000_000)
    return Person(
        name=name,
        id_number=f"{NO_PROVINCE}{int(is_woman)}{birth_year}{number:06}",
        phone=f"0900000{random.randrange(1000):03}",
        email=f"nguoi-dan-{number:06}@thu.example",
    )
