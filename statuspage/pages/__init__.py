"""Public documents: HTML, the v2 API, feeds, badges. Values in, bytes out; no Flask, no database."""
