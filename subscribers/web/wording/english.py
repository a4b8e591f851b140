"""Hold the pages' texts in English."""

from __future__ import annotations

from subscribers.address_change import AddressChangeResult
from subscribers.errors import AddressFault
from subscribers.lifecycle import ConfirmResult
from subscribers.web.wording.text_keys import PageText, TextCatalogue

EN = TextCatalogue(
    name="English",
    sign_up=PageText(title="{newsletter}", body=("{description}", "{comes}")),
    comes="By email, {comes}.",
    sign_up_again="Please press the button once more, to show that it is you.",
    sign_up_harder=(
        "Very many sign-ups are coming in just now: in all, or for addresses of your mail’s domain."
        " To show that you are no robot, your browser first does a longer sum. That may take half a"
        " minute; then it goes on by itself."
    ),
    address="Your email address",
    trap="Leave this empty",
    sign_up_button="Send it to me",
    needs_script=(
        "To keep robots out, your browser does a short sum before it sends this form. For that it"
        " needs JavaScript, which is switched off here."
    ),
    needs_script_now=(
        "For that it needs JavaScript, which is switched off here. Without it, please try again in"
        " an hour. Nothing was sent."
    ),
    working="One moment: your browser is doing a short sum, to keep robots out.",
    wording=(
        "Send me {newsletter} by email. I can leave at any time by the link in every mail. Until I"
        " confirm this by the first mail, nothing else is sent."
    ),
    latest="Look at the latest issue first",
    read_latest="Read the latest issue",
    kept_link="What we keep about you",
    kept=PageText(
        title="What we keep about you",
        body=(
            "{responsible}",
            "Your email address, the language you read, and what you choose for {newsletter}, such"
            " as topics or a break. It serves one end: to send you what you asked for, for as long"
            " as you want it.",
            "When and by which form you agreed, and when you left. That is the proof we owe; it is"
            " deleted {evidence} after you have gone, and your address with it.",
            "{network}",
            "Which issues were sent to you, whether they arrived, and what your mailbox answered if"
            " they didn’t. {tracking}",
            "A sign-up that nobody confirms is deleted after {pending}. Whoever says that it wasn’t"
            " theirs gets no more of its letters for a year: a hash of the address is kept for it.",
            "{carrier}",
            "This site sets no cookie and loads nothing from anywhere else.",
            "By the link to your preferences in every mail you get all of this as a file, change"
            " it, or have it deleted. What stays then is that you agreed and left, under a number,"
            " and a hash of your address, so that no imported list brings you back. {copies}"
            " {files}",
            "All of it rests on your agreement, which you may take back at any time. And you may"
            " complain to a data protection authority.",
            "{contact}",
        ),
    ),
    lasting=("1 day", "{n} days", "1 year", "{n} years"),
    kept_responsible="Who keeps it: {who}.",
    kept_carrier=(
        "To deliver the mails, your address and their text are handed to {carrier}. To nobody else."
    ),
    kept_copies="Copies of the database, made each day in case it is lost, hold what was deleted"
    " for {copies} more.",
    kept_copies_elsewhere="Copies of the database, made in case it is lost, hold what was deleted"
    " until they are deleted too.",
    kept_files="A file with each mail and its address is also kept here until somebody deletes it.",
    kept_network={
        "none": "Which network you come from is not kept.",
        "prefix": "The network you agreed, changed something or left from, without its last part,"
        " for {networks}.",
        "full": "The network address you agreed, changed something or left from, for {networks}.",
    },
    kept_tracking={
        "off": "Whether you open them or follow a link in them is not kept.",
        "anonymous": "How often they are opened and which links are followed is counted, without"
        " a lasting tie to you.",
        "reader": "When you opened them and which links in them you followed is kept as well.",
    },
    inbox=PageText(
        title="Check your inbox",
        body=(
            "If we may write to that address, a letter with a link is on its way. Open the link and"
            " press the button there: only then are you on the list.",
            "Nothing there after some minutes? Check the spam folder, or ask again in an hour.",
        ),
    ),
    many=PageText(
        title="A little later, please",
        body=(
            "Very many sign-ups are coming in just now: in all, from your network, or for addresses"
            " of your mail’s domain. So we take no more of them for a while. Nothing was sent."
            " Please try again in an hour.",
        ),
    ),
    locked_in=PageText(
        title="Please sign up on a page of its own",
        body=(
            "The page around this form doesn’t let your browser send it. Nothing was sent. Please"
            " copy this address into a new tab, and sign up there:",
            "{address}",
        ),
    ),
    disposable="This domain is for addresses that are thrown away. Please use one you keep.",
    confirm=PageText(
        title="Do you want {newsletter}?",
        body=("One press of the button, and it comes to the address this link was sent to.",),
    ),
    confirm_button="Yes, send it to me",
    confirmed={
        ConfirmResult.DONE: PageText(
            title="You’re on the list",
            body=("{newsletter} comes to you from now on. A welcome letter is on its way.",),
        ),
        ConfirmResult.ALREADY: PageText(
            title="You’re on the list already",
            body=("You confirmed this before. There is nothing more to do.",),
        ),
        ConfirmResult.LEFT: PageText(
            title="You have left since",
            body=("This link is older than your leaving, so it brings nothing back.",),
        ),
        ConfirmResult.GONE: PageText(
            title="This sign-up is no longer here",
            body=(
                "It was deleted unconfirmed, has become part of another, or you asked us to forget"
                " you.",
            ),
        ),
        ConfirmResult.BARRED: PageText(
            title="No mail goes to this address",
            body=(
                "Mail to it was reported as spam or refused, or we took it off the list. Nothing"
                " has changed. Write to us to have that looked at.",
            ),
        ),
    },
    confirm_late=PageText(
        title="This link has run out",
        body=("Links to confirm last {hours} hours. Sign up once more and you get a new one.",),
    ),
    ask_again="Sign up again",
    leave=PageText(
        title="Leave {newsletter}?",
        body=("One press of the button, and no further issue comes to you.",),
    ),
    leave_button="Leave",
    left=PageText(
        title="You have left",
        body=("No further issue of {newsletter} comes to you. One that is on its way may arrive.",),
    ),
    stay_button="That was a mistake: keep sending it",
    back=PageText(title="You’re back", body=("{newsletter} keeps coming as before.",)),
    not_back=PageText(
        title="That can’t be taken back any more",
        body=("To get {newsletter} again, sign up once more.",),
    ),
    decline=PageText(
        title="Didn’t you ask for this?",
        body=(
            "Somebody entered your address in one of our forms, perhaps by a slip. Press the"
            " button, and for a year our forms send no letter to this mailbox, however the address"
            " is spelled.",
            "What was asked for in your name is deleted. All we keep is a hash of the address, to"
            " know it by.",
        ),
    ),
    decline_button="This wasn’t me",
    declined=PageText(
        title="You get no more of these letters",
        body=(
            "What was asked for in your name is deleted, and for a year our forms send no letter"
            " to this mailbox.",
        ),
    ),
    undecline_button="That was a mistake: let sign-ups through again",
    undeclined=PageText(
        title="Sign-ups are let through again",
        body=("To get a newsletter here, sign up once more. Then a letter with a link comes.",),
    ),
    preferences=PageText(title="Your preferences", body=("{standing}",)),
    standing={
        "confirmed": "{newsletter} comes to you.",
        "paused": "{newsletter} is paused until {until}.",
        "pending": "You haven’t confirmed yet that you want {newsletter}.",
        "unsubscribed": "You have left {newsletter}.",
        "suppressed": (
            "No mail goes to this address any more: it came back, was reported as spam, or was"
            " taken off the list by us."
        ),
        "gone": "Nothing is kept about you here.",
    },
    newsletters_label="You get these newsletters. Untick what you no longer want.",
    newsletter_more="Topics, breaks and more for {newsletter}",
    leave_all=PageText(
        title="Leave every newsletter?",
        body=("One press of the button, and none of our newsletters comes to you any more.",),
    ),
    leave_all_button="Leave all of them",
    own_address="This is about {address}.",
    topics=PageText(
        title="Topics",
        body=(
            "Every issue is one mail, the same for all. It comes to you when it has something about"
            " at least one of the topics you tick, or something that has no topic.",
            "Tick all of them, or none, and every issue comes.",
        ),
    ),
    topics_label="Send me issues about",
    topics_changed="The topics have changed meanwhile. Please look at them once more.",
    topics_chosen="You get the issues with something about: {topics}.",
    save="Save",
    saved="Saved.",
    pause=PageText(
        title="Take a break",
        body=("No issue comes to you during the break. After it they come again by themselves.",),
    ),
    pause_label="For how long?",
    pause_same="As it is, until {until}",
    pause_until="Or until a day of your choice, which then counts instead",
    pause_fault="Please choose how long, or a day within a year from now.",
    weeks="{weeks} weeks",
    resume="No break: keep sending it",
    move=PageText(
        title="Use another address",
        body=("The new address gets a letter with a link. Until it is answered, nothing changes.",),
    ),
    move_label="New email address",
    move_button="Send the letter",
    move_asked=PageText(
        title="Check the new inbox",
        body=("If that address can take over, a letter with a link is on its way there.",),
    ),
    move_many=(
        "You have asked for a few addresses in a short time. The last letter still counts; please"
        " try again in an hour."
    ),
    moving=PageText(
        title="Use this address from now on?",
        body=("One press of the button, and mail comes to the address this link was sent to.",),
    ),
    moving_button="Yes, use it",
    moved={
        AddressChangeResult.DONE: PageText(
            title="Done", body=("Mail comes to this address from now on.",)
        ),
        AddressChangeResult.ALREADY: PageText(
            title="Done already", body=("This address was confirmed before; nothing changes.",)
        ),
        AddressChangeResult.TAKEN: PageText(
            title="This address is on the list already",
            body=("It has its own subscription. To end the other one, leave from there.",),
        ),
        AddressChangeResult.LEFT: PageText(
            title="You have left since",
            body=("Nothing would come to this address, so nothing has changed.",),
        ),
        AddressChangeResult.BARRED: PageText(
            title="No mail comes to you",
            body=(
                "Mail was reported as spam or stopped by us, so another address changes nothing."
                " Write to us to have that looked at.",
            ),
        ),
        AddressChangeResult.GONE: PageText(
            title="This link has run out",
            body=(
                "It is too old, or another wish has taken its place. Where mail of ours comes to"
                " you, ask again from the preferences in it.",
            ),
        ),
    },
    data="Everything we keep about you, as a file",
    erase=PageText(
        title="Forget me",
        body=(
            "Press the button, and your address and all we keep about you are deleted. Two things"
            " stay: that you agreed and left, under a number that names nobody; and a hash of your"
            " address, so that no imported list brings you back.",
        ),
    ),
    erase_button="Delete everything",
    erased=PageText(title="You are forgotten", body=("Nothing further comes to you.",)),
    to_preferences="Back to the preferences",
    to_sign_up="To the sign-up page",
    bad_link=PageText(
        title="This link doesn’t work",
        body=(
            "Some of it may be missing, or there is a sign too many at its end. Copy it from the"
            " mail once more, from “http” to the last letter. If that doesn’t help, the mail is"
            " from long ago: use the link in a newer one.",
        ),
    ),
    no_newsletter=PageText(
        title="There is no such newsletter",
        body=("Perhaps it had another name before. The front page says what there is.",),
    ),
    to_front="To the front page",
    old_link=PageText(
        title="This link has had its day",
        body=(
            "It was mailed to an address that was given up since. Use the link in a mail that came"
            " to the new one.",
        ),
    ),
    unreachable=PageText(
        title="We couldn’t do that just now",
        body=(
            "Something on our side is out of order. Nothing has changed: please try again soon.",
        ),
    ),
    unreachable_mail="To leave, you can also write to {mailto}.",
    broken=PageText(
        title="That didn’t work",
        body=("The fault is ours. Nothing has changed; please try again.",),
    ),
    faults={fault: f"{fault.value[0].upper()}{fault.value[1:]}." for fault in AddressFault},
)
