"""What can go wrong in the engine, named by what the caller can do about it."""


class SearchError(Exception):
    """Root of every error the engine raises on purpose. ``str(error)`` is a sentence for a person."""


class MediaError(SearchError):
    """This file cannot be used; other files are unaffected. Record the reason and go on."""


class UnsupportedMedia(MediaError):
    """The bytes are not a picture or clip of a format the engine reads."""


class DamagedMedia(MediaError):
    """The format is known, but nothing usable could be decoded."""


class MediaTooLarge(MediaError):
    """A cap on bytes, pixels, frames or duration would be exceeded."""


class DecodeAborted(MediaError):
    """The decoding process was stopped: out of memory, processor time or wall time, or it crashed."""


class DecoderUnavailable(SearchError):
    """The decoding helper cannot be started: no file can be decoded at present. Try again later."""


class ModelError(SearchError):
    """An embedding model cannot be loaded: unknown key, missing or wrong weights. Fix the setting."""


class SearchIndexError(SearchError):
    """Root of index errors."""


class IndexCorrupt(SearchIndexError):
    """A manifest or segment is missing or torn. Rebuild the index from the database."""


class IndexMismatch(SearchIndexError):
    """Vectors of the wrong dimension, model or type were given. Nothing was written."""


class EvaluationError(SearchError):
    """A measurement cannot be made from what was given: no pictures, or a name that does not exist."""
