"""One file per kind of run: the only place where connectors, vault and catalog meet.

A run prints nothing and reads no clock of its own: progress goes out as values, time and stopping come in.
"""
