"""Measuring the engine: seeded edits, agreed metrics, baselines in the same run. Serves no searches.

Modules are imported by name; see ``docs/evaluation.md`` for what is measured and how to read it.
"""
