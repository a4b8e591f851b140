"""The reviewer a reader agrees with, and the variant of an edition that leads with their quote.

`agreement` compares votes with the panel's calls, and `reader_match` reads both from the database,
for one reader's own page or for all who consented that their mail leads so. When an issue is built,
`edition_variants` renders a variant for each reviewer whom one of them agrees with; when it is
planned, `seats_of` says which variant each reader gets.
"""

from digest.issues.variants.edition_variants import (
    DraftedVariant,
    VariantNote,
    draft_variants,
    found_besides,
    seats_of,
    store_variants,
    variant_notes,
    variant_of,
    variants_of,
)
from digest.issues.variants.reader_match import (
    ReviewerMatch,
    lead_with_reviewer,
    match_facts,
    match_of,
)

__all__ = [
    "DraftedVariant",
    "ReviewerMatch",
    "VariantNote",
    "draft_variants",
    "found_besides",
    "lead_with_reviewer",
    "match_facts",
    "match_of",
    "seats_of",
    "store_variants",
    "variant_notes",
    "variant_of",
    "variants_of",
]
