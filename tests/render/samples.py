"""Valid comparisons made in memory, with quotes of published length."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from math import isnan
from typing import Any

from digest.comparisons.models import (
    Call,
    Comparison,
    Contender,
    Entry,
    Revision,
    SourceForm,
    Tool,
    Verdict,
)
from digest.comparisons.slug import slugify
from digest.issues.content import Correction, correct_view, difference
from digest.issues.content.background import Background
from digest.issues.content.compose import compose
from digest.issues.content.view import IssueView
from digest.issues.models import Newsletter
from digest.mail.mailing import PREFERENCES_TAG, UNSUBSCRIBE_TAG, vote_tag
from digest.render.escaping import in_plain_text
from digest.render.lint.finding import LintedMail
from digest.render.rendered import Rendered
from digest.votes import VoteCounts

SHIPS = (  # two a seat
    (
        "Strip the landing page away and {tool} is one well-made tool: a process you start, a file"
        " it reads, a result you can diff. I had it working on a repository of my own before the"
        " kettle boiled, and nothing in the set-up asked for a card. The errors name the line at"
        " fault, which is more than most of this shelf can say. What sold me is the escape hatch:"
        " every step it takes can be replayed by hand, so a bad run costs minutes and never the"
        " afternoon. I would put it in a team's hands on Monday and expect no complaint by Friday.",
        "The interface is small enough to keep in your head. Four verbs, one config file, and"
        " defaults that are right for the boring case. I pointed {tool} at a service with two"
        " hundred tests and it finished while I was still reading the manual. The part I can't"
        " rebuild over a weekend is the scheduling underneath: it resumes where it stopped, and it"
        " doesn't pretend to know what it has not measured. That is the whole job, done well.",
    ),
    (
        "I went in expecting a wrapper and came out with a list of things {tool} does that its"
        " rivals only announce. The benchmark on the front page is honest, which I checked twice"
        " because I did not believe it. It still has a ceiling: past a few million rows the planner"
        " guesses, and it guesses badly. But the failure is loud, documented and easy to route"
        " around. Being wrong in public is worth more to me than being right in a slide deck.",
        "Three products claim this ground, and only {tool} shows its working. The weak spot is the"
        " dependency on a single vendor for the hard part; the day that contract changes, so does"
        " the price. Until then the numbers hold up under load I would call unkind. It earns the"
        " ship because the problem is real and the fix is not a demo.",
    ),
    (
        "The bet here is that small teams will run more of their own machinery, not less, as the"
        " cost of a capable model falls under the cost of a lunch. {tool} is built for the world in"
        " which that bet pays. Watch what happens to review: when drafts are free, judgement"
        " becomes the scarce thing, and whoever keeps the record of judgement owns the workflow."
        " It is early, though not so early that one has to squint. In three years this looks like"
        " plumbing, and plumbing is the best thing a tool can become.",
        "Ask what has to be true for {tool} to matter in two years: that usage stays spiky, that"
        " models keep multiplying, and that nobody folds this into a platform everyone already"
        " pays for. Two of the three are already facts. The consequence few have priced in is that"
        " per-customer variants become cheap, and with them the case for one big general answer"
        " gets weaker. I like being on the right side of that curve.",
    ),
    (
        "The buyer is easy to name: a platform lead with an idle bill and a quarter to explain it."
        " {tool} turns that bill into usage, and usage is a number people renew on. The moat is"
        " thin, since what it does well a large cloud could do tolerably by next summer. Yet"
        " expansion is already visible in how teams wire it into their nightly jobs. Good margins,"
        " a clear budget line, and no need for a sales call: I would build on this.",
        "Someone signs for this without a meeting, and that is rarer than it sounds. The free door"
        " is wide, the paid one stands exactly where a team starts to depend on it. {tool} loses"
        " money on hobbyists and makes it back on the second seat. My one worry is support: it"
        " doesn't scale with a price this low. Even so the sums are the best in this pair.",
    ),
)
SKIPS = (
    "It demos beautifully and then asks you to adopt its way of naming everything. Two of the five"
    " examples in the manual fail on a clean machine, and the third needs a key the manual never"
    " mentions. {tool} hides the state I most want to see, so when a run goes wrong the only remedy"
    " is to start again. I could write the useful third of it in a day and know how it works.",
    "Every rival has this feature, and two of them had it last year. {tool} is betting that its"
    " polish survives contact with a long-lived repository, and in my hands it did not. The claim"
    " about latency holds for the one size they measured. What kills it is not competition but the"
    " licence, which no legal department I know would sign.",
    "The trend it rides is real, but {tool} boards it one station too late. If the models go on"
    " improving at this pace, the layer it sells is gone before the second funding round. Nobody"
    " needs a better cage for an animal that is learning to open doors. I would wait a year.",
    "There is no business here that a price cut by somebody larger does not end. {tool} gives away"
    " the part people want and charges for the part they can build. The buyer is a hobbyist, the"
    " budget is a personal card, and the churn will be brutal. Skip it as a bet, and borrow the"
    " idea for something you own.",
)
PAIRS = (
    ("Lantern Code 3", "Quayside Serverless Inference", "Developer Tools"),
    ("Marlow", "Fieldnote Research Agent", "Research Assistants"),
    ("Tidemark SQL", "Brook", "Data & Analytics"),
    ("Canopy Voice Studio", "Oriel", "Audio"),
    ("Switchyard Agents", "Ferrous Guardrails for Teams", "Infrastructure"),
)
TAGLINES = (
    "Open-weight code model tuned for long, many-step repairs in a repository of your own",
    "Pay-by-the-second inference that wakes from a snapshot instead of a cold machine",
    "Reads a folder of papers and argues with you about what they say",
    "An agent that keeps its sources, dated and quoted, beside every claim it makes",
    "Plain questions over a warehouse, answered with the query it ran",
    "A notebook that remembers which numbers have changed since you last looked",
    "Script to finished narration, with every breath in the right place",
    "Live captions and speaker turns for rooms with bad acoustics",
    "Routes work between agents and shows who is waiting for whom",
    "Policy checks for model calls, written as tests and run before each release",
)
LONG_DESCRIPTION = (
    "A family of tools for teams that ship weekly. It reads what is there, proposes the smallest"
    " change that would do, and shows the evidence beside it. Everything can be run on machines of"
    " your own, and nothing leaves them unless a setting says so in words."
)


def make_verdict(seat: int, tool: str, call: Call | None, *, known: bool, variant: int) -> Verdict:
    text = SKIPS[seat - 1] if call is Call.SKIP else SHIPS[seat - 1][variant % 2]
    return Verdict(seat=seat, quote=text.format(tool=tool), call=call if known else None)


def make_contender(
    side: int = 0,
    name: str = "Lantern Code 3",
    *,
    panel: float | None = 75.0,
    calls_known: bool = False,
    variant: int = 0,
    **facts: Any,  # columns of Contender
) -> Contender:
    """Make one side; the share tells how many seats skip, the last ones first."""
    skips = (4, 3, 2, 1)[: 4 - round((panel or 0) * 4 / 100)] if not isnan(panel or 0) else ()
    usual: dict[str, Any] = {
        "category": "Developer Tools",
        "tagline": TAGLINES[0],
        "description": LONG_DESCRIPTION,
        "entry": Entry.FREE,
        "community_share": None,
    }
    return Contender(
        side=side,
        tool_id=side + 1,
        tool=Tool(id=side + 1, slug=slugify(name), name=name),
        name=name,
        panel_share=panel,
        **(usual | facts),
        verdicts=[
            make_verdict(
                seat,
                name,
                Call.SKIP if seat in skips else Call.SHIP,
                known=calls_known,
                variant=variant + side,
            )
            for seat in (1, 2, 3, 4)
        ],
    )


def make_revision(*contenders: Contender, url: str | None = None, title: str = "") -> Revision:
    """Make a comparison of *contenders*, by default the dullest pair."""
    sides = contenders or (
        make_contender(0),
        make_contender(
            1,
            "Quayside Serverless Inference",
            panel=100.0,
            entry=Entry.PAID,
            tagline=TAGLINES[1],
        ),
    )
    title = title or " vs ".join(side.name for side in sides)
    return Revision(
        comparison=Comparison(
            slug=slugify(title), first_imported_at=datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
        ),
        number=1,
        fingerprint="0" * 64,
        form=SourceForm.PAGE,
        title=title,
        kicker="AI tool comparison",
        published_on=date(2026, 11, 20),
        url=url,
        imported_at=datetime(2026, 11, 23, 8, 0, tzinfo=UTC),
        contenders=list(sides),
    )


def make_newsletter() -> Newsletter:
    return Newsletter(
        id=1,
        slug="weekly",
        name="Weekly AI Tool Verdicts",
        description="Two AI tools side by side, judged by a panel of four.",
    )


def make_issue(
    *revisions: Revision,
    number: int = 12,
    newsletter: Newsletter | None = None,
    last_form: str = "",
    counts: VoteCounts | None = None,
) -> IssueView:
    """Compose an issue of *revisions*, by default one dull comparison."""
    return compose(
        revisions or (make_revision(),),
        newsletter or make_newsletter(),
        background=Background(last_form=last_form, counts=counts or {}),
        number=number,
        period="2026-W48",
        on=date(2026, 11, 24),
        base_url="https://news.example.com",
        postal_address="Weekly AI Tool Verdicts\n12 Example Street\n10115 Berlin, Germany",
    )


def full_week() -> list[Revision]:
    """Five comparisons that differ in everything a comparison can differ in."""
    shares = ((75, 100), (50, 75), (100, 100), (25, 75), (75, 0))
    votes = ((None, None), (62.0, 71.0), (None, 88.0), (33.3, None), (54.0, 12.0))
    week = []
    for place, (left, right, shelf) in enumerate(PAIRS):
        sides = [
            make_contender(
                side,
                name,
                panel=float(shares[place][side]),
                community_share=votes[place][side],
                entry=(Entry.FREE, Entry.PAID)[(side + place) % 2],
                category=shelf,
                tagline=TAGLINES[place * 2 + side],
                calls_known=place > 0,
                variant=place,
            )
            for side, name in enumerate((left, right))
        ]
        week.append(make_revision(*sides))
    return week


def make_correction() -> IssueView:
    """Compose the correction of a full week: share, entry, quote and call were wrong."""
    now = full_week()
    was = [*full_week()[:3], now[3], now[4]]
    was[0].contenders[0].panel_share, was[0].contenders[0].entry = 50.0, Entry.PAID
    was[0].contenders[1].verdicts[1].quote = "Nobody can say what it costs, not even the maker."
    was[1].contenders[0].verdicts[3].call = Call.SHIP
    correction = Correction(
        number=12,
        day=date(2026, 11, 24),
        again=False,
        why="We read two columns of the panel's sheet the wrong way round. We are sorry.",
        changes=difference(was, now),
    )
    view = replace(make_issue(*now, number=100_012), date="2 December 2026")
    return correct_view(view, correction)


def make_copy(issue: IssueView, mail: Rendered) -> LintedMail:
    """Return a rendered issue as the rules look at it."""
    votes = [vote_tag(position) for position, _ in enumerate(issue.comparisons, start=1)]
    return LintedMail(
        subject=mail.subject,
        preheader=in_plain_text(issue.preheader),  # as the mail prints it
        html=mail.html,
        text=mail.text,
        unsubscribe_url=issue.unsubscribe_url,
        tags=(UNSUBSCRIBE_TAG, PREFERENCES_TAG, *votes),
        postal_address=issue.postal_address,
    )
