"""How published comparisons become the view of an issue; pure, without database or clock."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from itertools import chain, repeat

from digest.comparisons.models import Call, Contender, Revision
from digest.errors import NothingToPick
from digest.issues.content import copywriting, verdict
from digest.issues.content.background import Background
from digest.issues.content.copywriting import TRACKING
from digest.issues.content.echo import echo_view
from digest.issues.content.opening import opening
from digest.issues.content.quotes import (
    QuoteChoice,
    choose_quotes,
    leading_quote,
    reviewer_names,
)
from digest.issues.content.verdict_changes import MOST_TOLD
from digest.issues.content.view import (
    WORD,
    ComparisonView,
    ContenderView,
    Depth,
    IssueView,
    contender_view,
    paragraphs,
    short,
    web_link,
)
from digest.issues.models import Newsletter, Tracking
from digest.mail.mailing import PREFERENCES_TAG, UNSUBSCRIBE_TAG, vote_tag
from digest.render.accent import accent_of
from digest.render.brand import Font, fonts_of
from digest.render.escaping import one_line
from digest.votes import vote_path
from subscribers.locale import SOURCE, code_of, long_date, short_date, translations

NO_BACKGROUND = Background()
_TITLE, _KICKER, _INVITATION = 170, 80, 160  # characters the design has room for
_MEDIUM_QUOTES = 2
_CLOSING = 3  # lines of a page that invites to subscribe


def compose(
    revisions: Sequence[Revision],
    newsletter: Newsletter,
    *,
    number: int,
    period: str,
    on: date,
    base_url: str,
    postal_address: str,
    background: Background = NO_BACKGROUND,
) -> IssueView:
    """Return the view of an issue; the first of *revisions* leads.

    *on* is the day in the newsletter's time zone, *background* what the issue is told besides.
    Raises `NothingToPick` without revisions.
    """
    if not revisions:
        raise NothingToPick
    base = base_url.rstrip("/")
    web_url = f"{base}/issues/{newsletter.slug}/{number}" if newsletter.public else ""
    language = newsletter.language
    comparisons = _comparisons(
        revisions, language, base_url=base, web_url=web_url or base, background=background
    )
    story = verdict.stories(comparisons[0].contenders, language)
    opens = opening(comparisons, language, last_form=background.last_form)
    changed = tuple(each.in_words(language, base_url=base) for each in background.changes)
    return IssueView(
        newsletter=one_line(newsletter.name),
        description=one_line(newsletter.description),
        number=number,
        period=period,
        date=long_date(on, language),
        short_date=short_date(on, language),
        language=language,
        subject=copywriting.subject(story, comparisons[0].title),
        preheader=copywriting.preheader(comparisons, language),
        title=(story or [comparisons[0].title])[0],
        echo=echo_view(background.echo, language, base_url=base) if background.echo else None,
        opening=opens.text,
        opening_form=opens.form,
        comparisons=comparisons,
        base_url=base,
        web_url=web_url,
        postal_address=postal_address.strip(),
        unsubscribe_url=f"{base}/u/{UNSUBSCRIBE_TAG}",
        preferences_url=f"{base}/p/{PREFERENCES_TAG}",
        subscribe_url=f"{base}/subscribe?newsletter={newsletter.slug}" if newsletter.public else "",
        invitation=_invitation(revisions[0], newsletter),
        changed=changed[:MOST_TOLD],
        changed_too=changed[MOST_TOLD:],
        tracking=translations(language).gettext(TRACKING[Tracking(newsletter.tracking)]),
        tracked=Tracking(newsletter.tracking) is not Tracking.OFF,
        accent=accent_of(newsletter.accent),
        fonts=fonts_of(Font(newsletter.font)),
    )


def _invitation(lead: Revision, newsletter: Newsletter) -> tuple[str, ...]:
    """Return how to invite a friend of a reader: in the page's words, where it has some.

    A page that invites closes with three lines: the series, the invitation, and the reason to
    accept it. Pages are in English, so a newsletter in another language has its own words.
    """
    published = tuple(filter(None, (short(line, _INVITATION) for line in lead.closing)))
    if len(published) == _CLOSING and code_of(newsletter.language) == SOURCE:
        return published[1:]
    return (translations(newsletter.language).gettext("Get the next comparison in your inbox"),)


def with_chosen_quotes(
    view: IssueView, revisions: Sequence[Revision], quotes: Mapping[str, QuoteChoice]
) -> IssueView:
    """Return a view with the quotes that an editor chose, by slug; the preheader follows."""
    if not quotes:
        return view
    comparisons = tuple(
        _requoted(one, revision, _names_in_issue(revision, revisions), quotes.get(one.slug))
        for one, revision in zip(view.comparisons, revisions, strict=True)
    )
    preheader = copywriting.preheader(comparisons, view.language)
    return replace(view, comparisons=comparisons, preheader=preheader)


def leading_with(view: IssueView, revisions: Sequence[Revision], seat: int) -> IssueView | None:
    """Return a view whose first comparison begins with one reviewer's quote; the rest is the same.

    A quote of theirs that the view has anyway is moved; else one is added. ``None`` where the
    reviewer said nothing on it.
    """
    lead, revision = view.comparisons[0], revisions[0]
    sides = _paired(revision, lead.contenders)
    names = _names_in_issue(revision, revisions)
    there = next((quote for quote in lead.quotes if quote.seat == seat), None)
    quote = there or leading_quote(sides, revision.seats, names, seat)
    if quote is None:
        return None
    label = translations(view.language).gettext("The reviewer you agree with most")
    others = tuple(each for each in lead.quotes if each is not there)
    lead = replace(lead, quotes=(replace(quote, label=label), *others))
    lead = replace(lead, note=copywriting.unpublished_calls(lead, view.language))
    return replace(view, comparisons=(lead, *view.comparisons[1:]))


def _requoted(
    view: ComparisonView, revision: Revision, names: Mapping[int, str], choice: QuoteChoice | None
) -> ComparisonView:
    if choice is None or view.depth is Depth.BRIEF:
        return view
    quotes = choose_quotes(_paired(revision, view.contenders), revision.seats, names, choice)
    full = replace(view, quotes=tuple(quotes))
    full = replace(full, note=copywriting.unpublished_calls(full, view.contenders[0].language))
    return _at_depth(full, view.depth)


def _comparisons(
    revisions: Sequence[Revision],
    language: str,
    *,
    base_url: str,
    web_url: str,
    background: Background,
) -> tuple[ComparisonView, ...]:
    """Return the comparisons of an issue, the later ones shorter."""
    views = (
        comparison_view(
            revision,
            base_url=base_url,
            web_url=web_url,
            language=language,
            names=_names_in_issue(revision, revisions),
            background=background,
        )
        for revision in revisions
    )
    return tuple(
        _votable(_at_depth(view, depth), base_url, vote_tag(position))
        for position, (view, depth) in enumerate(zip(views, _depths(), strict=False), 1)
    )


def _votable(view: ComparisonView, base_url: str, token: str) -> ComparisonView:
    """Return a comparison with the links by which a reader votes; *token* is the reader's tag.

    The link of a tool whose slug is too long for a mail opens the page without a choice.
    """
    vote_url = base_url + vote_path(token)

    def link_to(side: ContenderView, call: Call) -> str:
        return web_link(base_url + vote_path(token, side.tool, call)) or vote_url

    contenders = tuple(
        replace(side, ship_url=link_to(side, Call.SHIP), skip_url=link_to(side, Call.SKIP))
        for side in view.contenders
    )
    return replace(view, vote_url=vote_url, contenders=contenders)


def _depths() -> Iterator[Depth]:
    return chain((Depth.FULL, Depth.MEDIUM, Depth.MEDIUM), repeat(Depth.BRIEF))


def _at_depth(view: ComparisonView, depth: Depth) -> ComparisonView:
    """Return a comparison with as many quotes as its depth has room for.

    Every dissent is among them, and what an editor chose.
    """
    if depth is Depth.FULL:
        return view
    if depth is Depth.BRIEF:
        return replace(view, depth=depth, quotes=(), note="")
    fixed = [quote for quote in view.quotes if quote.dissent or quote.chosen]
    others = [quote for quote in view.quotes if quote not in fixed]
    others = others[: max(_MEDIUM_QUOTES - len(fixed), 0)]
    kept = tuple(quote for quote in view.quotes if quote in fixed or quote in others)
    return replace(view, depth=depth, quotes=kept)


def _names_in_issue(revision: Revision, others: Sequence[Revision]) -> dict[int, str]:
    """Return the reviewers' names by seat, so that each has one name in the whole issue.

    A seat is one reviewer in all comparisons of a panel of that size. So a name that another
    comparison publishes counts, unless the comparisons give that seat different names.
    """
    panel = [reviewer_names(other.contenders) for other in others if other.seats == revision.seats]
    published = {seat: {names[seat] for names in panel if seat in names} for seat in chain(*panel)}
    agreed = {seat: names.pop() for seat, names in published.items() if len(names) == 1}
    return agreed | reviewer_names(revision.contenders)


def contender_views(
    revision: Revision, language: str, background: Background | None = None
) -> tuple[ContenderView, ...]:
    """Return the views of both sides of a comparison, the left one first.

    Without *background* they show no vote.
    """
    views = tuple(
        contender_view(contender, seats=revision.seats, language=language)
        for contender in _sides(revision)
    )
    if background is None:
        return views
    return tuple(
        replace(
            view,
            votes=background.count_of(revision, contender),
            votes_shown_from=background.shown_from,
        )
        for view, contender in zip(views, _sides(revision), strict=True)
    )


def _paired(
    revision: Revision, views: Sequence[ContenderView]
) -> list[tuple[Contender, ContenderView]]:
    return list(zip(_sides(revision), views, strict=True))


def _sides(revision: Revision) -> list[Contender]:
    return sorted(revision.contenders, key=lambda contender: contender.side)[:2]


def comparison_view(
    revision: Revision,
    *,
    base_url: str,
    web_url: str,
    language: str = "en",
    names: Mapping[int, str] | None = None,
    choice: QuoteChoice | None = None,
    background: Background | None = None,
) -> ComparisonView:
    """Return the view of one comparison; missing values are left out, never guessed.

    Its link is the published URL, else its page on this site, else *web_url*. *names* has the
    reviewers' by seat; without it those that the comparison publishes. *choice* is what an editor
    wants quoted, *background* has the votes to show.
    """
    page_url = f"{base_url}/comparisons/{revision.comparison.slug}"
    sides = _sides(revision)
    contenders = contender_views(revision, language, background)
    names = reviewer_names(sides) if names is None else names
    quotes = choose_quotes(_paired(revision, contenders), revision.seats, names, choice)
    line = verdict.verdict_line(contenders, language)
    view = ComparisonView(
        title=_title(revision, contenders),
        slug=revision.comparison.slug,
        url=web_link(revision.url) or web_link(page_url) or web_url,
        kicker=short(revision.kicker, _KICKER),
        question=one_line(revision.question),
        intro=paragraphs(revision.intro),
        category=" / ".join(dict.fromkeys(view.category for view in contenders if view.category)),
        labels=tuple(short(label, WORD) for label in revision.labels if label.strip()),
        contenders=contenders,
        verdict_lead=line.lead,
        verdict_rest=line.rest,
        quotes=tuple(quotes),
        quoted=sum(1 for side in sides for verdict in side.verdicts if verdict.quote.strip()),
    )
    return replace(view, note=copywriting.unpublished_calls(view, language))


def _title(revision: Revision, contenders: Sequence[ContenderView]) -> str:
    names = " vs ".join(contender.name for contender in contenders)
    return names if len(contenders) > 1 else short(revision.title, _TITLE) or names
