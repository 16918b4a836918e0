"""One search with the whole of a library entry for everybody who looks at it."""

from __future__ import annotations

from django.db import transaction

from webapp.models import Content, Media, Query
from webapp.selectors.neighbours import content_searches
from webapp.services.queries import Asker, create_query_from_media


@transaction.atomic
def search_for_neighbours(*, media: Media, again: bool = False, user: Asker = None) -> tuple[Query, bool]:
    """The search that tells the entry's neighbours, and whether it is new: then the caller sends its task.

    ``again``: not one that failed or that the library has outrun. The lock on the content lets one caller in
    at a time, so no two of them start the same search.
    """
    Content.objects.select_for_update().get(pk=media.content_id)
    found = content_searches(media.content_id).answer(again=again)
    if found is not None:
        return found, False
    return create_query_from_media(media=media, user=user), True
