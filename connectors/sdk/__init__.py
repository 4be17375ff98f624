"""The contract of a connector and what every connector shares."""
