"""Put a model's folder into a repository of the Hugging Face hub."""

from pathlib import Path

import httpx2
from huggingface_hub import HfApi, constants, get_token
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, OfflineModeIsEnabled

REFUSED = (401, 403)


class NotPushed(Exception):
    """Why the hub does not have it, in words."""


def push(folder: Path, repository: str, told: str, public: bool) -> str:
    """Upload all of a folder, and answer the address of what was written. A repository that is not there is made,
    private unless `public`; one that is there stays as it is. `told` is the message of the commit. Raises NotPushed.
    """
    if not get_token():
        raise NotPushed(
            f"There is no token to write to {_hub()} with. Make one there that may write, and start this command with"
            " it in HF_TOKEN."
        )
    hub = HfApi()
    try:
        hub.create_repo(repository, private=not public, exist_ok=True)
        return str(hub.upload_folder(repo_id=repository, folder_path=folder, commit_message=told))
    except (httpx2.HTTPError, OSError, ValueError) as error:
        raise NotPushed(_in_words(repository, error)) from error


def _in_words(repository: str, error: Exception) -> str:
    if isinstance(error, OfflineModeIsEnabled):
        return f"Tagdesk runs with HF_HUB_OFFLINE set, so {_hub()} is not asked and nothing was pushed."
    if isinstance(error, HFValidationError):
        return f"“{repository}” cannot be the name of a model: write NAME/MODEL, as in ada/news-entities. ({error})"
    if isinstance(error, HfHubHTTPError):
        status = error.response.status_code if error.response is not None else 0
        if status in REFUSED:
            return (
                f"{_hub()} does not let this token write to {repository}. Does it have the right to, and is it yours?"
            )
        return f"{_hub()} answered with error {status} when {repository} was to be written. Try again later."
    if isinstance(error, httpx2.HTTPError | OSError):
        return f"{_hub()} cannot be reached from this machine, so nothing was pushed. ({type(error).__name__})"
    return f"{repository} cannot be pushed: {error}"


def _hub() -> str:
    return constants.ENDPOINT.partition("://")[2]
