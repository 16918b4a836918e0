"""What people do to pictures before they post them again, as seeded functions in three strengths.

:mod:`search.evaluation.edits.registry` lists them. This suite measures; it is kept apart from whatever
edits a network is trained with, so that training cannot fit it.
"""
