from webapp.models.audit import AuditEntry
from webapp.models.collections import Collection, Label
from webapp.models.duplicates import (
    Dismissal,
    DuplicateGroup,
    DuplicateMember,
    DuplicateReport,
    PairCheck,
)
from webapp.models.imports import ImportItem, ImportJob
from webapp.models.index import ActiveModel, IndexChange, IndexState, WorkerSeen
from webapp.models.media import Content, Embedding, Frame, Media
from webapp.models.queries import Match, Query

__all__ = [
    "ActiveModel",
    "AuditEntry",
    "Collection",
    "Content",
    "Dismissal",
    "DuplicateGroup",
    "DuplicateMember",
    "DuplicateReport",
    "Embedding",
    "Frame",
    "ImportItem",
    "ImportJob",
    "IndexChange",
    "IndexState",
    "Label",
    "Match",
    "Media",
    "PairCheck",
    "Query",
    "WorkerSeen",
]
