"""The review by link: what it shows, what decides, and all that doesn't."""

from __future__ import annotations

import re
from html import unescape
from threading import Thread

import httpx2
import pytest
from sqlmodel import Session

from digest.errors import NotApproved
from digest.issues import approval, draft_history, newsletters, review_code, store
from digest.issues.models import ApprovalAct, ApprovalChannel, Issue, IssueState, Recipe
from digest.issues.picking import overrides
from digest.issues.review_link import link_to, mark_of_editor, review_token
from digest.service.job_registry import release_decision
from subscribers.tokens import DatedTarget, LinkTarget
from tests.web.conftest import MakeSite
from tests.web.review.conftest import (
    ANN,
    BASE,
    BEN,
    Review,
    body,
    build_again,
    err,
    set_reminder,
    warn,
)


def text_of(answer: httpx2.Response) -> str:
    """Return a page's words."""
    words = re.sub(r"<[^>]+>", " ", answer.text.partition("<body")[2])
    return " ".join(unescape(words).split())


def decisions(review: Review) -> list[tuple[str, str, str]]:
    return [(entry.act.value, entry.by, entry.note) for entry in review.history()]


def test_each_editor_gets_a_link_of_their_own_that_names_nobody(review: Review) -> None:
    links = {address: review.link(address) for address in (ANN, BEN)}
    assert links[ANN] != links[BEN]
    assert not any("ann" in link or "%40" in link for link in links.values())
    assert all(len(link) < 200 for link in links.values())
    for address in (ANN, BEN):
        (letter,) = review.letters(address)
        html = letter.get_body(("html",))
        assert html is not None
        assert links[address].removeprefix(review.site.url) in html.get_content()


def test_the_page_shows_the_mail_the_audience_the_moment_and_the_findings(review: Review) -> None:
    review.change(warn)
    url = review.link(ANN)
    answer = review.site.http.get(url)
    said = text_of(answer)
    assert answer.status_code == 200
    assert review.seen() in said
    assert "1 reader of Weekly AI Tool Verdicts: everyone who has confirmed" in said
    assert "Wednesday, 25 November 2026, 09:00 (UTC), once it is approved" in said
    assert "Issue 3 isn't approved." in said
    assert "Warning. An image has no alternative text. Write one." in said
    assert ANN not in answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    assert "script-src" not in answer.headers["Content-Security-Policy"]


def test_the_page_shows_what_leads_for_readers_who_agree_with_a_reviewer(review: Review) -> None:
    url = review.link(ANN)
    assert "the reviewer they agree with" not in text_of(review.site.http.get(url))
    note = {"seat": 2, "quote": "It <works>.", "byline": "Reviewer 2 would ship Modal"}

    def vary(session: Session, issue: Issue) -> None:
        recipe = session.get_one(Recipe, store.edition_of(session, issue).id)
        recipe.made_from = {**recipe.made_from, "variants": [note]}
        session.add(recipe)

    review.change(vary)
    said = text_of(review.site.http.get(url))
    assert "get the words of the reviewer they agree with first" in said
    assert "“It <works>.” — Reviewer 2 would ship Modal" in said


def test_the_mail_is_the_frozen_one_and_nothing_runs_in_it(review: Review) -> None:
    answer = review.site.http.get(f"{review.link(ANN)}/mail")
    policy = answer.headers["Content-Security-Policy"]
    with review.site.app.database.read() as session:
        frozen = store.edition_of(session, review.draft(session)).html
    assert policy.startswith("sandbox allow-popups allow-popups-to-escape-sandbox;")
    assert "default-src 'none'" in policy
    assert 'href="/own-links"' in answer.text
    assert "-digest_" not in answer.text
    assert frozen[-400:-200] in answer.text


def test_an_editor_approves_with_the_code_that_was_mailed(review: Review) -> None:
    answer = review.approve(ANN)
    assert answer.status_code == 303
    (entry,) = review.history()
    assert (entry.act, entry.by, entry.channel) == ("approved", ANN, ApprovalChannel.LINK)
    assert entry.editions == [review.seen()]
    with review.site.app.database.read() as session:
        decision = release_decision(review.site.app, session, review.draft(session))
    assert (decision.may_go, decision.by) == (True, ANN)
    said = text_of(review.site.http.get(review.link(ANN)))
    assert f"This issue is approved by {ANN}." in said
    assert "You’ve approved this version." in said
    assert "on this page" in said


def test_the_code_is_in_the_letter_and_nowhere_in_the_database(review: Review) -> None:
    review.ask(review.link(ANN))
    (letter,) = [mail for mail in review.letters(ANN) if "Your code" in mail["Subject"]]
    code = review.code(ANN).replace(" ", "")
    assert code not in letter["Subject"]
    assert "Auto" not in (letter["Subject"] or "")
    path = review.site.app.database.path
    assert path is not None
    stored = b"".join(each.read_bytes() for each in path.parent.glob("digest.db*"))
    assert code.encode() not in stored
    assert review.letters(BEN)[-1]["Subject"] != letter["Subject"]


def test_an_editor_sends_it_back_and_the_other_is_told_why(review: Review) -> None:
    review.approve(BEN)
    url = review.link(ANN)
    review.ask(url)
    note = "The lead\r\nis <b>wrong</b>."
    assert review.decide(url, review.code(ANN), act="send-back", note=note).status_code == 303

    assert decisions(review)[-1] == ("sent-back", ANN, "The lead is <b>wrong</b>.")
    with review.site.app.database.read() as session, pytest.raises(NotApproved, match="sent back"):
        review.site.app.issues.require_approved(session, review.draft(session))
    review.notify()
    review.notify()
    told = [mail for mail in review.letters(BEN) if "Sent back" in mail["Subject"]]
    assert len(told) == 1
    assert f"{ANN} sent issue 3 back:" in body(told[0])
    assert "The lead is <b>wrong</b>." in body(told[0])
    assert not [mail for mail in review.letters(ANN) if "Sent back" in mail["Subject"]]
    said = text_of(review.site.http.get(review.link(BEN, "Sent back")))
    assert f"Issue 3 was sent back by {ANN}: The lead is <b>wrong</b>." in said


def test_sending_back_takes_a_note_and_a_code(review: Review) -> None:
    url = review.link(ANN)
    review.ask(url)
    code = review.code(ANN)
    empty = review.decide(url, code, act="send-back", note=" ")
    wrong = review.decide(url, "0000 0000", act="send-back", note="Wrong & bad")
    assert (empty.status_code, wrong.status_code) == (409, 409)
    assert "Add a note" in text_of(empty)
    assert "Tries left: 4." in text_of(wrong)
    assert "Wrong &amp; bad</textarea>" in wrong.text
    assert review.history() == []


def test_each_warning_has_to_be_ticked_and_the_code_is_kept_meanwhile(review: Review) -> None:
    review.change(warn)
    url = review.link(ANN)
    review.ask(url)
    code = review.code(ANN)
    refused = review.decide(url, code)
    assert "Tick each warning that you accept" in text_of(refused)
    assert review.decide(url, code, accept="image-alt").status_code == 303
    assert [entry.accepted for entry in review.history()] == [["image-alt"]]


def test_an_error_forbids_approving_and_the_page_has_no_button_for_it(review: Review) -> None:
    review.change(err)
    url = review.link(ANN)
    review.ask(url)
    page = review.site.http.get(url)
    assert "a check found an error" in text_of(page)
    assert "Approve this version" not in page.text
    assert "can't go out" in text_of(review.decide(url, review.code(ANN)))
    assert review.history() == []


def test_it_takes_two_editors_where_the_newsletter_says_so(review: Review) -> None:
    review.change(
        lambda session, issue: newsletters.change(
            session, store.newsletter_of(session, issue), {"approvals": 2}
        )
    )
    review.approve(ANN)
    review.site.clock.advance(minutes=1)
    review.ask(review.link(ANN))
    assert review.decide(review.link(ANN), review.code(ANN)).status_code == 303  # once more
    said = text_of(review.site.http.get(review.link(BEN)))
    assert f"Issue 3 has 1 of 2 approvals (by {ANN}): one more is needed" in said
    review.approve(BEN)
    assert decisions(review) == [("approved", ANN, ""), ("approved", BEN, "")]
    said = text_of(review.site.http.get(review.link(BEN)))
    assert f"This issue is approved by {ANN} and {BEN}." in said


@pytest.mark.parametrize("wrong", ["", "00000000", "1", "x" * 5000, "\0", "\uff11\uff12"])
def test_a_wrong_code_decides_nothing(review: Review, wrong: str) -> None:
    url = review.link(ANN)
    review.ask(url)
    assert review.decide(url, wrong).status_code == 409
    assert review.history() == []


def test_five_wrong_codes_void_the_right_one(review: Review) -> None:
    url = review.link(ANN)
    review.ask(url)
    code = review.code(ANN)
    for _ in range(review_code.MOST_WRONG):
        review.decide(url, "0000 0001")
    assert "No code is open" in text_of(review.decide(url, code))
    assert review.history() == []
    review.ask(url)
    assert review.decide(url, review.code(ANN)).status_code == 303


def test_a_code_lasts_a_quarter_of_an_hour_and_decides_once(review: Review) -> None:
    url = review.link(ANN)
    review.ask(url)
    code = review.code(ANN)
    review.site.clock.advance(minutes=15)
    assert "No code is open" in text_of(review.decide(url, code))
    review.ask(url)
    fresh = review.code(ANN)
    assert review.decide(url, fresh).status_code == 303
    assert "No code is open" in text_of(
        review.decide(url, fresh, act="send-back", note="No, after all")
    )
    assert decisions(review) == [("approved", ANN, "")]


def test_a_button_pressed_twice_approves_once(review: Review) -> None:
    url = review.link(ANN)
    review.ask(url)
    code = review.code(ANN)
    assert [review.decide(url, code).status_code for _ in range(2)] == [303, 303]
    assert len(review.history()) == 1


def test_another_editor_s_code_decides_nothing(review: Review) -> None:
    review.ask(review.link(BEN))
    code = review.code(BEN)
    assert "No code is open" in text_of(review.decide(review.link(ANN), code))
    review.ask(review.link(ANN))
    assert "isn’t the code" in text_of(review.decide(review.link(ANN), code))
    assert review.history() == []


def test_an_older_code_gives_way_to_the_newest(review: Review) -> None:
    url = review.link(ANN)
    review.ask(url)
    old = review.code(ANN)
    review.ask(url)
    assert review.decide(url, old).status_code == 409
    assert review.decide(url, review.code(ANN)).status_code == 303


def test_an_editor_gets_three_codes_an_hour_for_one_issue(review: Review) -> None:
    url = review.link(ANN)
    for _ in range(review_code.MOST_CODES):
        assert review.ask(url).status_code == 303
    refused = review.ask(url)
    assert refused.status_code == 409
    assert "ask again in 60 minutes" in text_of(refused)
    assert len([mail for mail in review.letters(ANN) if "Your code" in mail["Subject"]]) == 3
    assert review.ask(review.link(BEN)).status_code == 303
    review.site.clock.advance(minutes=61)
    assert review.ask(url).status_code == 303


def test_once_the_issue_is_built_again_the_old_link_shows_the_new_one_and_the_code_is_void(
    review: Review,
) -> None:
    url = review.link(ANN)
    review.ask(url)
    code, seen = review.code(ANN), review.seen()
    review.change(build_again)
    page = review.site.http.get(url)
    assert "This issue has changed since we emailed you." in text_of(page)
    assert "<h1>Another subject</h1>" in page.text
    stale = review.decide(url, code, seen=seen)
    assert "has changed since you opened this page" in text_of(stale)
    assert "for an earlier version" in text_of(review.decide(url, code))
    assert review.history() == []


def test_an_approval_is_void_once_the_issue_is_built_again(review: Review) -> None:
    review.approve(ANN)
    review.change(build_again)
    said = text_of(review.site.http.get(review.link(ANN)))
    assert f"Issue 3 was approved by {ANN}, but the mail has changed." in said
    assert "Void: the mail changed since." in said
    assert "You’ve approved this version" not in said


def test_a_code_from_before_the_issue_was_sent_back_decides_nothing(review: Review) -> None:
    for address in (ANN, BEN):
        review.ask(review.link(address))
    review.decide(review.link(BEN), review.code(BEN), act="send-back", note="Wait.")
    assert "No code is open" in text_of(review.decide(review.link(ANN), review.code(ANN)))
    assert decisions(review) == [("sent-back", BEN, "Wait.")]


@pytest.mark.parametrize("state", [IssueState.PREPARED, IssueState.SENT, IssueState.CANCELLED])
def test_what_has_left_is_not_decided_on(review: Review, state: IssueState) -> None:
    url = review.link(ANN)
    review.ask(url)
    code = review.code(ANN)
    review.change(lambda _, issue: setattr(issue, "state", state))
    page = review.site.http.get(url)
    assert "nothing left to decide" in text_of(page)
    assert "<form" not in page.text
    for act in ("approve", "send-back"):
        assert review.decide(url, code, act=act, note="No.").status_code == 409
    assert review.ask(url).status_code == 409
    assert review.history() == []


def test_a_link_lasts_as_long_as_the_issue_may_go_by_itself(review: Review) -> None:
    url = review.link(ANN)
    review.ask(url)
    code = review.code(ANN)
    review.site.clock.advance(hours=24 + 12 - 1, minutes=59)
    assert review.site.http.get(url).status_code == 200
    review.site.clock.advance(minutes=1)
    for answer in (review.site.http.get(url), review.site.http.get(f"{url}/mail")):
        assert answer.status_code == 410
        assert "This link has expired" in answer.text
    assert review.ask(url).status_code == 410
    assert review.decide(url, code).status_code == 410


def test_a_forged_link_and_a_link_for_something_else_open_nothing(review: Review) -> None:
    site = review.site
    token = review.link(ANN).rpartition("/")[2]
    target = LinkTarget(1, "weekly")
    others = [
        site.links.unsubscribe(target),
        site.links.confirm(DatedTarget(*target, site.clock())),
    ]
    for bad in (
        token[:-1] + ("A" if token[-1] != "A" else "B"),
        token[:-4],
        "x",
        *(url.rpartition("/")[2] for url in others),
    ):
        assert site.http.get(f"/review/{bad}").status_code == 404
        assert site.http.get(f"/review/{bad}/mail").status_code == 404
        assert review.ask(f"{site.url}/review/{bad}").status_code == 404
        assert review.decide(f"{site.url}/review/{bad}", "1").status_code == 404
    assert site.http.get(f"/u/{token}").status_code == 404


def test_who_is_no_editor_any_more_is_let_in_no_more(
    review: Review, make_running: MakeSite
) -> None:
    app = review.site.app
    until = app.clock().replace(year=2027)
    link = link_to(DRAFT_ID, "gone@example.org", "f" * 64, until)
    assert review.site.http.get(f"/review/{review_token(app.tokens, link)}").status_code == 404
    stays = link_to(DRAFT_ID, "ANN@example.org", "f" * 64, until)
    assert stays.editor == mark_of_editor(ANN)
    assert review.site.http.get(f"/review/{review_token(app.tokens, stays)}").status_code == 200


def test_a_code_is_read_in_the_digits_of_a_wide_keyboard(review: Review) -> None:
    url = review.link(ANN)
    assert "No code is open. Have one mailed first." in text_of(review.decide(url, "1"))
    review.ask(url)
    wide = review.code(ANN).translate({ord("0") + n: 0xFF10 + n for n in range(10)})

    assert review.decide(url, wide).status_code == 303


def test_a_held_issue_says_how_a_changed_draft_is_let_go(review: Review) -> None:
    review.approve(ANN)
    review.change(draft_another_subject)
    with review.site.app.database.read() as session:
        decision = release_decision(review.site.app, session, review.draft(session))

    assert not decision.may_go
    assert decision.step == "digest build --period 2026-W48 --again; then digest approve 3"


@pytest.mark.parametrize("act", ["", "Approve", "send back"])
def test_a_form_that_names_no_button_decides_nothing(review: Review, act: str) -> None:
    url = review.link(ANN)
    review.ask(url)
    refused = review.decide(url, review.code(ANN), act=act)

    assert refused.status_code == 409
    assert "Press one of the two buttons" in text_of(refused)
    assert review.history() == []


def test_a_note_is_never_dropped_by_an_approval(review: Review) -> None:
    url = review.link(ANN)
    review.ask(url)
    code = review.code(ANN)
    refused = review.decide(url, code, note="The price is wrong.")

    assert refused.status_code == 409
    assert "Your note says what needs to change" in text_of(refused)
    assert "The price is wrong.</textarea>" in refused.text
    assert review.history() == []
    assert review.decide(url, code, note=" ").status_code == 303


def test_a_mail_that_is_older_than_its_draft_is_not_approved_and_the_code_stays(
    review: Review,
) -> None:
    url = review.link(ANN)
    review.ask(url)
    code = review.code(ANN)
    review.change(draft_another_subject)
    refused = review.decide(url, code)

    assert refused.status_code == 409
    assert "The draft of issue 3 was changed after this mail was built." in text_of(refused)
    review.change(take_back)
    assert review.decide(url, code).status_code == 303


def draft_another_subject(session: Session, issue: Issue) -> None:
    newsletter = store.newsletter_of(session, issue)
    decisions = overrides.set_text(overrides.Decisions(), "subject", "Another")
    draft_history.decide(
        session, newsletter, issue.period, decisions, summary="subject", now=issue.built_at
    )


def take_back(session: Session, issue: Issue) -> None:
    draft_history.undo(session, store.newsletter_of(session, issue), issue.period)


DRAFT_ID = 3


def test_another_site_s_form_decides_nothing(review: Review) -> None:
    url = review.link(ANN)
    review.ask(url)
    code = review.code(ANN)
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}):
        fields = {"act": "approve", "seen": review.seen(), "code": code}
        for path in ("code", "decide"):
            answer = review.site.http.post(f"{url}/{path}", data=fields, headers=headers)
            assert answer.status_code == 403
    assert review.history() == []


def test_a_scanner_that_follows_every_link_and_sends_every_form_approves_nothing(
    review: Review,
) -> None:
    """46 visits by GET and HEAD, with cookies and without, and each form of the page once."""
    (letter,) = review.letters(ANN)
    html = letter.get_body(("html",))
    assert html is not None
    found = re.findall(r"https?://[^\s\"'<>]+", f"{body(letter)} {html.get_content()}")
    links = {unescape(url) for url in found if url.startswith(BASE)}
    url = review.link(ANN)
    assert url.replace(review.site.url, BASE) in links
    for visit in range(46):
        for link in links if visit < 2 else [url.replace(review.site.url, BASE)]:
            kept = {"Cookie": "session=a-scanner-s"} if visit % 4 > 1 else {}
            at = link.replace(BASE, review.site.url)
            review.site.http.request("HEAD" if visit % 2 else "GET", at, headers=kept)
            review.site.http.request("HEAD" if visit % 2 else "GET", f"{at}/mail")
    assert review.history() == []
    assert len(review.letters(ANN)) == 1

    for _ in range(8):  # it comes back, and finds the form that a code brings
        page = review.site.http.get(url).text
        for action, form in re.findall(
            r'<form method="post" action="([^"]+)">(.*?)</form>', page, re.S
        ):
            fields = dict(re.findall(r'name="(\w+)" value="([^"]*)"', form))
            review.site.http.post(action, data=fields)
            review.site.http.post(action, data={**fields, "code": "12345678", "note": "x"})

    assert review.history() == []
    assert len(review.letters(ANN)) <= 1 + review_code.MOST_CODES


def test_two_editors_who_approve_at_one_moment_are_both_counted(review: Review) -> None:
    review.change(
        lambda session, issue: newsletters.change(
            session, store.newsletter_of(session, issue), {"approvals": 2}
        )
    )
    orders = []
    for address in (ANN, BEN):
        review.ask(review.link(address))
        orders.append((review.link(address), review.code(address)))
    answers: list[int] = []
    threads = [
        Thread(
            target=lambda url=url, code=code: answers.append(review.decide(url, code).status_code)
        )
        for url, code in orders * 2  # and each presses the button twice
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [303] * 4
    assert sorted(entry.by for entry in review.history()) == [ANN, BEN]
    with review.site.app.database.read() as session:
        assert review.site.app.issues.require_approved(session, review.draft(session))


def test_a_reminder_and_a_held_issue_bring_the_link_too(review: Review) -> None:
    review.change(lambda session, issue: set_reminder(session, issue, hours=24))
    review.notify()
    assert review.site.http.get(review.link(ANN, "Not approved")).status_code == 200


def test_an_approval_by_link_is_void_for_what_is_withdrawn(review: Review) -> None:
    review.approve(ANN)
    review.change(
        lambda session, issue: approval.withdraw(
            session, issue, by="kim", why="the sender has changed", now=review.site.clock()
        )
    )
    assert [entry.act for entry in review.history()] == [
        ApprovalAct.APPROVED,
        ApprovalAct.WITHDRAWN,
    ]
    said = text_of(review.site.http.get(review.link(ANN)))
    assert "Approvals withdrawn on Tuesday, 24 November 2026, 09:00 (UTC): the sender" in said
    assert "Issue 3 isn't approved." in said
