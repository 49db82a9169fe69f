"""Amounts in Vietnamese words, as receipts print them; pure."""

from __future__ import annotations

DIGITS = ("không", "một", "hai", "ba", "bốn", "năm", "sáu", "bảy", "tám", "chín")
SCALES = ("", "nghìn", "triệu")
LARGEST = 10**15 - 1


def amount_in_words(amount_vnd: int) -> str:
    """Whole VND in words with a capital letter: `Một triệu hai trăm linh năm nghìn đồng`.

    Args:
        amount_vnd: from 0 to 999,999,999,999,999.

    Raises:
        ValueError: outside of that.
    """
    if not 0 <= amount_vnd <= LARGEST:
        raise ValueError("the amount cannot be said")
    words = " ".join(_below_a_quadrillion(amount_vnd)) or DIGITS[0]
    return f"{words[0].upper()}{words[1:]} đồng"


def _below_a_quadrillion(amount: int) -> list[str]:
    """Billions (tỷ) and what is left; `nghìn tỷ` are thousands of billions."""
    billions, rest = divmod(amount, 10**9)
    words = [*_groups(billions, first=True), "tỷ"] if billions else []
    return words + _groups(rest, first=not billions)


def _groups(amount: int, *, first: bool) -> list[str]:
    """Groups of three digits below a billion; only the very first may be shorter."""
    words: list[str] = []
    for scale in (2, 1, 0):
        group = amount // 1000**scale % 1000
        if group:
            words += _three(group, full=not first)
            words += [SCALES[scale]] if scale else []
        first = first and not group
    return words


def _three(number: int, *, full: bool) -> list[str]:
    hundreds, tens, ones = number // 100, number // 10 % 10, number % 10
    words = [DIGITS[hundreds], "trăm"] if hundreds or full else []
    if tens > 1:
        words += [DIGITS[tens], "mươi"]
    elif tens:
        words.append("mười")
    elif ones and words:
        words.append("linh")
    if not ones:
        return words
    if tens > 1 and ones == 1:
        return [*words, "mốt"]
    return [*words, "lăm" if tens and ones == 5 else DIGITS[ones]]
