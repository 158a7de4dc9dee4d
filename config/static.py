"""How static files are served: under names that hold their hash, compressed, cached for good."""

from whitenoise.storage import CompressedManifestStaticFilesStorage

OUR_MODULES = "desk/*.js"
IMPORT = r"""(?P<matched>import(?P<names> \{[^}]*\}) from ["'](?P<url>\./[^"']+)["'];)"""


class HashedFiles(CompressedManifestStaticFilesStorage):  # type: ignore[misc]
    """Our modules of JavaScript import one another by these names, too. Django can do this for all files or for none,
    and what htmx brings along imports names that are no files.
    """

    patterns = (
        *CompressedManifestStaticFilesStorage.patterns,
        (OUR_MODULES, ((IMPORT, 'import%(names)s from "%(url)s";'),)),
    )
