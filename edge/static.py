"""Static files under names that carry their hash, for ever cacheable."""

from django.contrib.staticfiles.storage import ManifestStaticFilesStorage


class HashedStaticFiles(ManifestStaticFilesStorage):
    """Also renames what ES modules import from each other; Django leaves that off."""

    support_js_module_import_aggregation = True
