"""Asking the Hugging Face Hub: one endpoint, bytes that are told as they come, and errors that are sentences."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from explorer.errors import BadInput, Cancelled

ENDPOINT: str | None = None  # the Hub's own


def api() -> Any:
    """The Hub's programming interface."""
    from huggingface_hub import HfApi

    return HfApi(endpoint=ENDPOINT)


def download(
    text: str,
    repo: str,
    file: str,
    *,
    revision: str | None = None,
    kind: str = "model",
    told: Callable[[int], None] | None = None,
) -> Path:
    """Fetches one file into the Hub library's own cache, unless it is there.

    Args:
        text: the name that the user gave, for messages.
        kind: model or dataset.
        told: called with how many bytes came since the last call; what it raises ends the download.

    Raises:
        BadInput: in one sentence.
    """
    from huggingface_hub import hf_hub_download
    from tqdm import tqdm

    class Told(tqdm):
        def __init__(self, *args: Any, **options: Any) -> None:
            options.pop("name", None)
            super().__init__(*args, **options | {"disable": True})

        def update(self, n: float | None = 1) -> None:
            if told is not None:
                told(int(n or 0))

    return Path(
        ask(
            text,
            lambda: hf_hub_download(
                repo, file, revision=revision, repo_type=kind, endpoint=ENDPOINT, tqdm_class=Told if told else None
            ),
        )
    )


def ask(text: str, what: Callable[[], Any]) -> Any:
    """Runs what asks the Hub. Raises BadInput, which begins with the name that the user gave."""
    from huggingface_hub import errors

    try:
        return what()
    except (BadInput, Cancelled):
        raise
    except errors.GatedRepoError:
        why = "its owners give access on request: accept their terms on its page, and log in with `hf auth login`"
    except (errors.RepositoryNotFoundError, errors.HFValidationError):
        why = "there is no such name on the Hub, or it is private"
    except errors.RevisionNotFoundError:
        why = "it has no such revision"
    except errors.EntryNotFoundError:
        why = "it has no such file"
    except Exception as error:  # its network library is an implementation detail: httpx, httpx2, requests
        if isinstance(error, (KeyboardInterrupt, SystemExit)):
            raise
        why = f"the Hub cannot be reached ({type(error).__name__}); without a network, give the path of a folder"
    raise BadInput(f"{text}: {why}") from None
