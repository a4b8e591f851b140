"""What the templates of public web pages may read, and which template renders each page.

A page loads /style.css, at most two small sheets and a logo of its newsletter, and the icon
/icon.svg, and works without scripts.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from digest.errors import TemplateBroken
from digest.render.brand import LogoView
from digest.render.engine import render_page
from digest.render.template_paths import template_folders


@dataclass(frozen=True, kw_only=True)
class ShareTags:
    """What other sites show of a link to a page; *image* is the URL of its share picture."""

    title: str
    description: str
    image: str = ""
    alt: str = ""


@dataclass(frozen=True, kw_only=True)
class Site:
    """The fields of the site that every page shows."""

    name: str
    description: str = ""
    comes: str = ""  #: how often, as it reads after "comes"; empty where nothing is promised
    language: str = "en"
    postal_address: str = ""
    accent: str = ""  #: six hexadecimal digits; empty for the design's own
    font: str = ""  #: the name of its faces; empty for the design's own
    logo: LogoView | None = None  #: its URL is a path of this site
    address: str = ""  #: canonical URL of this page; empty where no search engine may list it
    archive: str = "/issues"  #: path of the list of issues; empty where there is none to link to
    share: ShareTags | None = None  #: of this page; else its title is all that is shown


@dataclass(frozen=True, kw_only=True)
class EmbedCode:
    """The HTML with which another site shows something of a comparison; *label* names what."""

    label: str
    code: str


@dataclass(frozen=True, kw_only=True)
class SignupBlock:
    """The sign-up form at the end of a page."""

    form: object  #: of the shape of `subscribers.web.page_model.Form`
    agreed: str  #: the consent given by signing up
    kept: tuple[str, str]  #: text and path of the link to the privacy page


@dataclass(frozen=True, kw_only=True)
class IssueLink:
    """An issue in the archive; its URLs are paths of this site."""

    number: int
    label: str  #: the number in words: "No. 12", "Correction to No. 12"
    date: str
    subject: str
    url: str
    mail_url: str = ""  #: of the frozen mail
    frame_url: str = ""  #: of the frozen mail without navigation, for a frame
    corrects: int | None = None  #: number of the issue, where this is a correction of it


@dataclass(frozen=True, kw_only=True)
class CorrectionNote:
    """What the page of an issue says of its correction; *changes* are ready to be read."""

    date: str
    url: str  #: path of the correction's page
    why: str
    changes: Sequence[object]  #: of the shape of `digest.issues.content.ChangeView`


@dataclass(frozen=True, kw_only=True)
class NewsletterCard:
    """A newsletter in the list of several, in its own language; *latest* is its newest issue."""

    name: str
    description: str
    appears: str  #: a sentence on how often it comes, or that it has ended; empty for neither
    language: str
    archive: str  #: path of its issues
    archive_label: str
    sign_up: str  #: path of the sign-up page; empty once it is archived
    sign_up_label: str
    latest: IssueLink | None
    latest_label: str


@dataclass(frozen=True, kw_only=True)
class Teaser:
    """A comparison in two lines."""

    left: str
    right: str
    headline: str
    url: str


def _page(name: str, context: Mapping[str, object], *, folder: Path | None) -> str:
    """Return a page whose words are in the language of its site."""
    site = context["site"]
    language = site.language if isinstance(site, Site) else "en"
    return render_page(name, {**context, "language": language}, folder=folder)


def message_page(site: Site, page: object, *, folder: Path | None = None) -> str:
    """Return a page with a message, with or without a form; raises `TemplateBroken`.

    *page* is of the shape of `subscribers.web.page_model.Page`.
    """
    return _page("page", {"site": site, "page": page}, folder=folder)


def home_page(
    site: Site,
    *,
    sign_up: SignupBlock | None,
    issue: IssueLink | None,
    teasers: Sequence[Teaser],
    folder: Path | None = None,
) -> str:
    """Return the front page, which links the latest *issue*; raises `TemplateBroken`."""
    context = {"site": site, "sign_up": sign_up, "issue": issue, "teasers": teasers}
    return _page("home", context, folder=folder)


def newsletters_page(
    site: Site, newsletters: Sequence[NewsletterCard], *, folder: Path | None = None
) -> str:
    """Return the front page of a site with several newsletters; raises `TemplateBroken`."""
    return _page("newsletters", {"site": site, "newsletters": newsletters}, folder=folder)


def archive_page(
    site: Site,
    issues: Sequence[IssueLink],
    *,
    sign_up: SignupBlock | None,
    folder: Path | None = None,
) -> str:
    """Return the page that lists *issues* in the order given; raises `TemplateBroken`."""
    context = {"site": site, "issues": issues, "sign_up": sign_up}
    return _page("archive", context, folder=folder)


def issue_page(
    site: Site,
    issue: IssueLink,
    *,
    article: object = None,
    beside: tuple[IssueLink | None, IssueLink | None] = (None, None),
    corrected: str = "",
    corrections: Sequence[CorrectionNote] = (),
    sign_up: SignupBlock | None,
    folder: Path | None = None,
) -> str:
    """Return the page of one issue, or of its frozen mail in a frame; raises `TemplateBroken`.

    *article* is of the shape of `digest.web.archive.issue_article.IssueArticle`; ``None`` stands
    for an issue of which only the mail was kept. *beside* are the older and the newer issue.
    *corrected* is the path of the issue that *issue* corrects; *corrections* are those of *issue*.
    """
    context = {
        "site": site,
        "issue": issue,
        "article": article,
        "beside": beside,
        "corrected": corrected,
        "corrections": corrections,
        "sign_up": sign_up,
    }
    return _page("issue", context, folder=folder)


def comparison_page(
    site: Site,
    comparison: object,
    *,
    sign_up: SignupBlock | None,
    history: Sequence[object] = (),
    embeds: Sequence[EmbedCode] = (),
    data: str = "",
    folder: Path | None = None,
) -> str:
    """Return the page of one comparison; raises `TemplateBroken`.

    *comparison* is of the shape of `digest.web.comparison_page.ComparisonPage`, and *history* of
    those of `digest.web.comparison_page.HistoryLine`; *data* is JSON-LD.
    """
    context = {
        "site": site,
        "comparison": comparison,
        "sign_up": sign_up,
        "history": history,
        "embeds": embeds,
        "data": data,
    }
    return _page("comparison", context, folder=folder)


def comparison_frame(
    site: Site, comparison: object, *, url: str, folder: Path | None = None
) -> str:
    """Return a small page with one comparison, for a frame of another site.

    *comparison* is of the shape of `digest.issues.content.ComparisonView`; ``None`` stands for one
    that was withdrawn. *url* is that of its page. Raises `TemplateBroken`.
    """
    context = {"site": site, "comparison": comparison, "url": url}
    return _page("comparison-frame", context, folder=folder)


def review_page(site: Site, review: object, answers: object, *, folder: Path | None = None) -> str:
    """Return the page where an editor decides on an issue; raises `TemplateBroken`.

    *review* and *answers* are of the shapes of `digest.web.review.review_view`.
    """
    context = {"site": site, "review": review, "answers": answers}
    return _page("review", context, folder=folder)


def vote_page(site: Site, vote: object, *, folder: Path | None = None) -> str:
    """Return the page of a vote link; raises `TemplateBroken`.

    *vote* is of the shape of `digest.web.voting.vote_view.VoteForm`.
    """
    return _page("vote", {"site": site, "vote": vote}, folder=folder)


def vote_answer_page(site: Site, vote: object, *, folder: Path | None = None) -> str:
    """Return the page after a vote; raises `TemplateBroken`.

    *vote* is of the shape of `digest.web.voting.vote_view.VoteAnswer`.
    """
    return _page("vote-answer", {"site": site, "vote": vote}, folder=folder)


def vote_asking_page(site: Site, asking: object, *, folder: Path | None = None) -> str:
    """Return the page where a visitor asks for a link to vote; raises `TemplateBroken`.

    *asking* is of the shape of `digest.web.voting.asking_view.AskingForm`.
    """
    return _page("vote-asking", {"site": site, "asking": asking}, folder=folder)


def feed_content(
    language: str,
    *,
    base_url: str,
    comparisons: Sequence[object],
    opening: str = "",
    corrections: Sequence[CorrectionNote] = (),
    withdrawn: Container[str] = (),
    folder: Path | None = None,
) -> str:
    """Return what an entry of a feed says of its *comparisons*; raises `TemplateBroken`.

    They are of the shape of `digest.issues.content.ComparisonView`; *withdrawn* are slugs.
    """
    context = {
        "language": language,
        "base_url": base_url,
        "comparisons": comparisons,
        "opening": opening,
        "corrections": corrections,
        "withdrawn": withdrawn,
    }
    return render_page("feed-content", context, folder=folder)


def directory_page(name: str, site: Site, shown: object, *, folder: Path | None = None) -> str:
    """Return a page that leads to comparisons, from the template *name*; raises `TemplateBroken`.

    *shown* is of a shape of `digest.web.directory_pages.directory_views`.
    """
    return _page(name, {"site": site, "shown": shown}, folder=folder)


def reference_page(site: Site, shown: object, *, folder: Path | None = None) -> str:
    """Return the reference of the API, which is in English; raises `TemplateBroken`.

    *shown* is of the shape of `digest.api.reference_page.ReferenceView`.
    """
    return _page("reference", {"site": site, "shown": shown}, folder=folder)


def asset(name: str, *, folder: Path | None = None) -> str:
    """Return the text of a style sheet or of icon.svg; raises `TemplateBroken` without it."""
    for place in template_folders("web", folder):
        if (place / name).is_file():
            return (place / name).read_text(encoding="utf-8")
    raise TemplateBroken(f"{name}: there is no such file")
