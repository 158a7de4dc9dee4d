"""Numbers with what they count."""


def counted(number: int, one: str, many: str = "") -> str:
    """“1 article”, “1,200 articles”; `many` where it is not `one` with an s."""
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"
