"""Rules for readers who listen, enlarge, or see no images."""

from __future__ import annotations

from collections.abc import Iterator

from digest.render.checks.finding import Copy, Finding, error, warning


def language(copy: Copy) -> Iterator[Finding]:
    """Require a language, so that the mail is read out right."""
    spoken = next((tag.get("lang") for tag in copy.markup.named("html")), None)
    if not spoken or spoken == "und":
        yield error(
            "language", "html", "the mail doesn't say its language", 'Write <mjml lang="en">.'
        )


def title(copy: Copy) -> Iterator[Finding]:
    """Require a title: screen readers say it first."""
    if not copy.markup.title.strip():
        yield error("title", "html", "the mail has no title", "Fill <mj-title>.")


def image_alts(copy: Copy) -> Iterator[Finding]:
    """Require an alternative text of every image; an empty one marks it as decoration."""
    for image in copy.markup.named("img"):
        if image.get("alt") is None:
            yield error(
                "image-alt",
                "html",
                f"the image {(image.get('src') or '')[:60]!r} has no alternative text",
                'Write alt="what it shows", or alt="" if it is decoration.',
                line=image.line,
            )


def heading_order(copy: Copy) -> Iterator[Finding]:
    """Warn unless headings begin with one h1 and never skip a level on the way down."""
    level = 0
    for heading in copy.markup.named("h1", "h2", "h3", "h4", "h5", "h6"):
        here = int(heading.name[1])
        if here > level + 1 or (here == 1 and level):
            yield warning(
                "heading-order",
                "html",
                f"<{heading.name}> follows {f'<h{level}>' if level else 'no heading'}",
                "Use one h1, and go down one level at a time.",
                line=heading.line,
            )
        level = here


def words_without_images(copy: Copy) -> Iterator[Finding]:
    """Warn of a mail made of images: with images off it says nothing."""
    images, words = len(copy.markup.named("img")), len(copy.markup.text.split())
    if images and words < 20 * images:
        yield warning(
            "words-without-images",
            "html",
            f"{images} image{'s' * (images > 1)} and {words} words: little is left with images off",
            "Say in words what the images show.",
        )
