"""The list along which somebody reads from article to article. It travels in the address: the filters of the list, and
`place`, the key of the row they came by. So they stand where they stood while articles change, or leave the list.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from django.http import HttpRequest, QueryDict
from django.urls import reverse

from annotate.chosen import SORTS, BadCursor, Cursor
from annotate.filtering import FilterForm
from annotate.listing import COUNTED, Listing
from annotate.models import Project

NO_ARTICLE = "The address leads to no article in it."


class NotUnderstood(Exception):
    """Says why an address names no list, or no place in it: its label was renamed meanwhile, perhaps."""

    def __init__(self, why: str, list_address: str) -> None:
        super().__init__(f"This list is not understood any more: {why}")
        self.list_address = list_address  # the list leaves out what it does not understand, and says that


class Trail(NamedTuple):
    """As the address says it; `course` finds out what that means."""

    filters: str
    place: str

    @classmethod
    def of(cls, request: HttpRequest) -> "Trail | None":
        if request.method == "POST":
            trail = cls(request.POST.get("list", ""), request.POST.get("place", ""))
        else:
            given = request.GET.copy()
            place = given.get("place", "")
            for name in ("place", "after", "back"):
                given.pop(name, None)
            trail = cls(given.urlencode(), place)
        return trail if trail.place else None

    def __str__(self) -> str:
        place = QueryDict(mutable=True)
        place["place"] = self.place
        return f"{self.filters}&{place.urlencode()}" if self.filters else place.urlencode()

    def address(self, pk: int) -> str:
        return f"{reverse('document', args=[pk])}?{self}"

    def course(self, project: Project, pk: int | None) -> "Course | None":
        """From this article on; None where the place is another one's. Raises NotUnderstood."""
        given = QueryDict(self.filters)
        list_address = f"{reverse('documents', args=[project.slug])}?{given.urlencode()}"
        form = FilterForm(project, given)
        if not form.is_valid():
            raise NotUnderstood(" ".join(form.reasons()), list_address)
        listing = form.listing()
        try:
            at = Cursor.read(self.place, listing.chosen.sort)
        except BadCursor as error:
            raise NotUnderstood(NO_ARTICLE, list_address) from error
        if at.pk is None:
            raise NotUnderstood(NO_ARTICLE, list_address)
        return Course(form, listing, at) if at.pk == pk else None


@dataclass
class Course:
    """A trail that was understood."""

    form: FilterForm
    listing: Listing
    at: Cursor

    def step(self, back: bool = False) -> "Course | None":
        """The same list at the article behind this one, or before it; None at its end."""
        found = self.listing.step(self.at._replace(backward=back))
        return Course(self.form, self.listing, found) if found else None

    @property
    def trail(self) -> Trail:
        return Trail(self.form.query(), str(self.at))

    @property
    def list_address(self) -> str:
        return f"{reverse('documents', args=[self.listing.project.slug])}?{self.form.query()}"

    def words(self) -> str:
        return " · ".join(self.form.words())

    def way_back(self) -> str:
        """The page of the list that begins with this article."""
        if not self._before or self.at.pk is None:
            return self.list_address
        _, falling = SORTS[self.at.sort]
        return f"{self.list_address}&at={self.at._replace(pk=self.at.pk + (1 if falling else -1))}"

    def standing(self) -> str:
        """“3 of 12”, as far as is counted."""
        if self._before > COUNTED:
            return f"behind the first {COUNTED:,}"
        behind = self.listing.count_from(self.at)
        total = f"{self._before + 1 + behind:,}" if behind <= COUNTED else f"{COUNTED:,}+"
        return f"{self._before + 1:,} of {total}"

    @cached_property
    def _before(self) -> int:
        return self.listing.count_from(self.at._replace(backward=True))
