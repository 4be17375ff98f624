"""The web process of one region: public documents, sign-ups, ingest and the operators' pages."""
