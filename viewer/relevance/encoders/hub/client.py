"""The hub's protocol, through ``huggingface_hub`` (extra "models"): facts of a model, and the bytes of a
file.

Uses its settings (HF_ENDPOINT, HF_HUB_OFFLINE, HF_TOKEN or its own login, proxies). Nothing is sent but the
requests: no statistics. The token goes to the hub alone, and content comes from the hub or from its own
stores.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import viewer
from viewer.common.text import first_line
from viewer.relevance.encoders.hub import strings
from viewer.relevance.encoders.hub.published import HubError, Published, Source, published_from

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx2

    from viewer.relevance.encoders.hub.published import HubFile

STORES = (".huggingface.co", ".hf.co")
"""Hosts that the hub sends readers of large files to."""
_WAIT_S = 60.0


class HubConnectionError(HubError):
    """The connection was lost or refused; another attempt may succeed."""


def ask(source: Source) -> Published:
    """What the hub states of a model, its tokenizer's repository included. Raises HubError."""
    found = published_from(source, _facts(source))
    if source.tokenizer is None:
        return found
    other = published_from(source.tokenizer, _facts(source.tokenizer), tokenizer_only=True)
    there = {file.name for file in found.files}
    more = tuple(file for file in other.files if file.name not in there)
    return Published(found.repository, found.commit, found.licence, found.gated, (*more, *found.files))


def has_token() -> bool:
    """Whether the user has given the hub's library a token."""
    with _session():
        from huggingface_hub import get_token

        return get_token() is not None


def hub_host() -> str:
    """Where models are fetched from. Raises HubError without the library."""
    with _session():
        return _endpoint().netloc.decode()


@contextmanager
def content(file: HubFile, start: int) -> Iterator[tuple[int, Iterator[bytes]]]:
    """The bytes of a file from ``start`` on, where the hub can do that, else from 0: (where they begin,
    pieces).

    Raises HubError, HubConnectionError.
    """
    with _session(file.repository) as session:
        from huggingface_hub import constants, get_token, hf_hub_url, hf_raise_for_status

        url = hf_hub_url(file.repository, file.name, revision=file.commit)
        # Unpacked on the way, a part could not be continued.
        headers = {"user-agent": f"foveola/{viewer.__version__}", "accept-encoding": "identity"}
        token = None if constants.HF_HUB_DISABLE_IMPLICIT_TOKEN else get_token()
        if token is not None:
            headers["authorization"] = f"Bearer {token}"
        if start:
            headers["range"] = f"bytes={start}-"
        with session.stream("GET", url, headers=headers, timeout=_WAIT_S) as response:
            hf_raise_for_status(response)
            continues = response.status_code == 206
            begins = response.headers.get("content-range", "").startswith(f"bytes {start}-")
            if continues and not begins:
                raise HubError(strings.OTHER_RANGE.format(name=file.name))
            yield (start if continues else 0), response.iter_raw()


def _facts(source: Source) -> Any:
    with _session(source.repository):
        from huggingface_hub import HfApi

        api = HfApi(library_name="foveola", library_version=viewer.__version__)
        try:
            return api.model_info(
                source.repository, revision=source.revision, files_metadata=True, timeout=_WAIT_S
            )
        except (TypeError, KeyError, AttributeError, ValueError) as error:
            raise HubError(strings.NOT_A_HUB.format(host=_endpoint().host)) from error


@contextmanager
def _session(repository: str = "") -> Iterator[httpx2.Client]:
    """The library's own session, kept to the hub's hosts; its errors as ours."""
    try:
        import httpx2
        from huggingface_hub import constants, errors, get_session
    except ImportError as error:
        raise HubError(strings.EXTRA_NEEDED) from error
    constants.HF_HUB_DISABLE_TELEMETRY = True
    session = get_session()
    hooks = session.event_hooks
    session.event_hooks = {**hooks, "request": [*hooks["request"], _check_host]}
    try:
        yield session
    except errors.OfflineModeIsEnabled as error:
        raise HubError(strings.OFFLINE) from error
    except errors.GatedRepoError as error:
        raise HubError(no_access(repository)) from error
    except errors.RepositoryNotFoundError as error:
        raise HubError(strings.NO_REPOSITORY.format(repository=repository)) from error
    except (errors.RevisionNotFoundError, errors.EntryNotFoundError) as error:
        raise HubError(strings.NOT_THERE.format(repository=repository)) from error
    except errors.HfHubHTTPError as error:
        status = error.response.status_code
        if status in (401, 403):
            raise HubError(no_access(repository)) from error
        raise HubError(strings.STATUS.format(host=_endpoint().host, status=status)) from error
    except (httpx2.TransportError, httpx2.TooManyRedirects) as error:
        reason = first_line(error) or type(error).__name__
        raise HubConnectionError(strings.NO_CONNECTION.format(host=_endpoint().host, error=reason)) from error
    finally:
        session.event_hooks = hooks


def no_access(repository: str) -> str:
    """What to do where an account has no access to a model."""
    return strings.NO_ACCESS.format(page=f"{_endpoint()}/{repository}")


def _endpoint() -> httpx2.URL:
    import httpx2
    from huggingface_hub import constants

    return httpx2.URL(constants.ENDPOINT)


def _check_host(request: httpx2.Request) -> None:
    """Raises HubError for a request, as by a redirect, to a host that is not the hub's or would be
    unencrypted.
    """
    endpoint, url = _endpoint(), request.url
    own = (url.scheme, url.netloc) == (endpoint.scheme, endpoint.netloc)
    if not own and not (url.scheme == "https" and f".{url.host}".endswith(STORES)):
        raise HubError(strings.OTHER_HOST.format(host=endpoint.host, other=url.host))
