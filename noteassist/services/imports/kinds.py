"""Signs by which a kind of file is known before it is read."""

PDF_SIGN = b"%PDF-"


def is_pdf(content: bytes) -> bool:
    """Say whether this is a PDF file; readers allow some bytes before its sign."""
    return PDF_SIGN in content[:1024]
