"""Fuzz what reads files that nobody vouches for: checkpoints, pickles, records and directions.

A case is a file, made from a kind, a seed and a number alone. Every reader of that kind is tried on it in a process of
its own, which is watched: a file may be refused with a message that helps, or read; it may not run code, stop the
interpreter, end in a traceback, take much more memory than it is large, or take long.

By hand, without bound::

    python tests/fuzzing --cases 50000 --seed 0 --workers 2 --keep /tmp/failing

Files that fail are written to the folder ``--keep``, and ``--only checkpoints:17`` runs one case again.
"""
