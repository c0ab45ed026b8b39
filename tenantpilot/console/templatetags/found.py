"""The matched part of a found text."""

from django import template
from django.utils.html import conditional_escape, format_html
from django.utils.safestring import SafeString

register = template.Library()


@register.filter
def marked(text: str, wanted: str) -> SafeString:
    """Return the text with the first place where `wanted` stands, in any case, inside <mark>."""
    folded, part = text.lower(), wanted.lower()
    at = folded.find(part) if part else -1
    # A few letters change their length with their case; then no place can be told.
    if at < 0 or len(folded) != len(text) or len(part) != len(wanted):
        return SafeString(conditional_escape(text))
    end = at + len(part)
    return format_html("{}<mark>{}</mark>{}", text[:at], text[at:end], text[end:])
