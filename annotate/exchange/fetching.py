"""What an import names by web address is fetched before it is read, and kept as if somebody had handed it in."""

import math
from contextlib import suppress
from pathlib import Path
from time import monotonic
from urllib.parse import urlsplit

from django.conf import settings

from annotate.exchange.reading import Gone
from annotate.exchange.records import LONGEST, FormatError
from annotate.models import Import

MOST_AT_ONCE = 500 * 2**20  # bytes of all addresses of an import
MOST_MINUTES = 5  # for all addresses of an import: other imports and webhooks wait for the same worker
TOLD = 5  # addresses whose faults stand in a sentence


def bring(row: Import) -> None:
    """Fetch what a claimed import waits for. Addresses that give nothing are left out, each with its reason in the
    options. Raises FormatError where nothing at all comes of it, Gone where nobody wants it any more, and OSError.
    """
    from annotate import outbound

    wanted: dict[str, str] = row.options.get("addresses", {})  # {stored path: address}
    if not wanted:
        return
    names, fetched, unfetched = {}, {}, {}
    size, ends = row.size, monotonic() + 60 * MOST_MINUTES
    for count, (stored, address) in enumerate(wanted.items()):
        _tell(row, preview={"fetching": count + 1, "of": len(wanted)})
        path = Path(settings.TAGDESK_DATA, stored)
        try:
            if size > MOST_AT_ONCE:
                raise outbound.NoAnswer(f"It was not asked: those before are {size // 2**20} MB already.")
            if (left := ends - monotonic()) <= 0:
                raise outbound.NoAnswer(f"It was not asked: those before have taken {MOST_MINUTES} minutes.")
            with path.open("wb") as target:
                found = outbound.fetch(address, target, min(outbound.FETCH_WITHIN, math.ceil(left)))
        except outbound.NoAnswer as reason:
            unfetched[address] = str(reason)
            path.unlink(missing_ok=True)
        else:
            size += path.stat().st_size
            names[stored] = _name(found.address, is_page="html" in found.content_type)
            fetched[stored] = found.address[: LONGEST["source"]]
    files = [[stored, names.get(stored, name)] for stored, name in row.files if stored in names or stored not in wanted]
    if not files:
        raise FormatError(_in_words(unfetched))
    options = {name: value for name, value in row.options.items() if name != "addresses"}
    options |= {"fetched": fetched, "unfetched": unfetched}
    _tell(row, options=options, files=files, size=size)
    row.refresh_from_db()


def _tell(row: Import, **fields: object) -> None:
    if not Import.objects.held(row).update(**fields):
        raise Gone


def _name(address: str, is_page: bool) -> str:
    """What the file is called: by its ending formats are known that do not show themselves."""
    name = address
    with suppress(ValueError):
        parts = urlsplit(address)
        name = f"{parts.hostname or ''}{parts.path}".rstrip("/")
    return f"{name}.html" if is_page and not name.lower().endswith((".html", ".htm", ".xhtml")) else name


def _in_words(unfetched: dict[str, str]) -> str:
    told = [f"{address}: {reason}" for address, reason in unfetched.items()]
    more = f" The same goes for {len(told) - TOLD:,} more." if len(told) > TOLD else ""
    return " ".join(told[:TOLD]) + more
