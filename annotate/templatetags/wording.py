from django import template

from annotate import wording

register = template.Library()
register.filter("title_of", wording.title)
register.filter("outcome_of", wording.outcome)
