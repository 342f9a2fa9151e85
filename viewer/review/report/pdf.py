"""A report as PDF, from its HTML, by WeasyPrint. Nothing is fetched, from the network or the disk."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from viewer import RESEARCH_USE_STATEMENT
from viewer.common.errors import FoveolaError
from viewer.common.text import first_line
from viewer.review.report import strings

if TYPE_CHECKING:
    from pathlib import Path


class PdfError(FoveolaError):
    """A PDF that cannot be made, and what to do."""


# On every page, also of a laboratory's own template.
_FOOTER = f"@page {{ @bottom-center {{ content: {json.dumps(RESEARCH_USE_STATEMENT)} }} }}"


def pdf(html: str, file: Path) -> bytes:
    """The pages, A4 where the template asks for nothing else. ``file``: for messages. Raises PdfError."""
    try:
        from weasyprint import CSS, HTML
        from weasyprint.urls import URLFetcher
    except (ImportError, OSError) as error:  # OSError: without its system libraries
        raise PdfError(strings.NO_LIBRARY.format(error=first_line(error))) from error
    fetcher = URLFetcher(allowed_protocols=["data"], allow_redirects=False)
    try:
        data: bytes = HTML(string=html, url_fetcher=fetcher).write_pdf(
            stylesheets=[CSS(string=_FOOTER)], pdf_tags=True
        )
    except Exception as error:  # the library meets whatever a template made
        raise PdfError(strings.NOT_MADE.format(path=file, error=first_line(error))) from error
    return data
