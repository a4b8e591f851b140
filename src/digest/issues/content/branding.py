"""What a newsletter's own settings add to the finished view of a mail: a logo, and tags on links.

UTM tags tell the statistics of the sites that are linked to where a visitor came from. They are
the same for every reader. Only links to what an issue is about carry them: a comparison, a tool, a
sponsor. Links of an editor's own stay as they were written, and so does a link that has such a tag.
"""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import parse_qsl, urlencode, urlsplit

from digest.comparisons.slug import slugify
from digest.issues.content.view import ComparisonView, IssueView, web_link
from digest.issues.models import Newsletter
from digest.render.brand import LogoView

_OF_UTM = "utm_"


def branded(view: IssueView, newsletter: Newsletter, logo: LogoView | None) -> IssueView:
    """Return a view, with editors' words and all, as it is mailed."""
    view = replace(view, logo=logo)
    if not newsletter.utm:
        return view
    tags = {
        "utm_source": newsletter.slug,
        "utm_medium": "email",
        "utm_campaign": slugify(view.label),  # "no-12"
    }
    sponsor = view.sponsor and replace(view.sponsor, url=tagged(view.sponsor.url, tags))
    comparisons = tuple(_tagged_comparison(each, tags) for each in view.comparisons)
    echo = view.echo and replace(view.echo, url=tagged(view.echo.url, tags))
    changed, too = (
        tuple(replace(each, url=tagged(each.url, tags)) for each in told)
        for told in (view.changed, view.changed_too)
    )
    return replace(
        view,
        comparisons=comparisons,
        sponsor=sponsor,
        echo=echo,
        changed=changed,
        changed_too=too,
    )


def _tagged_comparison(comparison: ComparisonView, tags: dict[str, str]) -> ComparisonView:
    contenders = tuple(
        replace(each, url=each.url and tagged(each.url, tags)) for each in comparison.contenders
    )
    return replace(comparison, url=tagged(comparison.url, tags), contenders=contenders)


def tagged(url: str, tags: dict[str, str]) -> str:
    """Return a link with *tags* in its query, all else unchanged.

    It stays as it is where it has a UTM tag already, or would be too long for a mail.
    """
    parts = urlsplit(url)
    names = [name for name, _ in parse_qsl(parts.query, keep_blank_values=True)]
    if not url or any(name.lower().startswith(_OF_UTM) for name in names):
        return url
    query = "&".join(filter(None, (parts.query.rstrip("&"), urlencode(tags))))
    return web_link(parts._replace(query=query).geturl()) or url
