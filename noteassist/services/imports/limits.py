"""What an upload may be at most; what is more is refused or left out, and either is told."""

MEBIBYTE = 1024 * 1024

# Of an archive: entries of any kind, what they claim to unpack to, and how small they may have been packed.
FILES = 10_000
UNPACKED_BYTES = 512 * MEBIBYTE
PACKING_RATIO = 200
# Below so many bytes a ratio says nothing: an empty page packs well.
SMALLEST_SUSPECT = MEBIBYTE

# Of what is read: one text, all texts together, a collection of cards (it is held in memory twice).
TEXT_BYTES = 5 * MEBIBYTE
ALL_TEXT_BYTES = 48 * MEBIBYTE
COLLECTION_BYTES = 96 * MEBIBYTE
DOCUMENT_PART_BYTES = 32 * MEBIBYTE
FRONT_MATTER_CHARACTERS = 20_000

PAGES = 1_000
TABLE_COLUMNS = 100
CARDS = 40_000

# Of what is made.
NOTES = 5_000
TOPICS_PER_NOTE = 2_000
TOPICS = 50_000
TOLD_REASONS = 1_000
