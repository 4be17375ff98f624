"""The English words for every state; the catalogs translate them."""

from __future__ import annotations

COMPONENT_WORDS = {
    "operational": "Operational",
    "under_maintenance": "Under maintenance",
    "degraded_performance": "Degraded",
    "partial_outage": "Partial outage",
    "major_outage": "Major outage",
    "unverified": "Not currently verified",
}
EVENT_WORDS = {
    "investigating": "Investigating",
    "identified": "Identified",
    "monitoring": "Monitoring",
    "resolved": "Resolved",
    "postmortem": "Post-mortem",
    "scheduled": "Scheduled",
    "in_progress": "In progress",
    "verifying": "Verifying",
    "completed": "Completed",
    "cancelled": "Cancelled",
}
IMPACT_WORDS = {
    "none": "No impact",
    "maintenance": "Maintenance",
    "minor": "Minor impact",
    "major": "Major impact",
    "critical": "Critical impact",
}
OVERALL_WORDS = {
    "none": "All systems operational",
    "minor": "Partially degraded service",
    "major": "Partial system outage",
    "critical": "Major service outage",
    "maintenance": "Service under maintenance",
    "unverified": "Not currently verified",
}
WORKLOAD_WORDS = {
    "mail": "Mail",
    "calendar": "Calendar",
    "contacts": "Contacts",
    "drive": "Drives",
    "site": "Sites",
    "channel": "Teams channels",
    "books": "Books",
    "restore": "Restores",
    "download": "Downloads",
    "website": "Website probes",
    "backup": "Backups",
}
LANGUAGE_NAMES = {"en": "English", "de": "Deutsch", "fr": "Français", "ja": "日本語"}
ALL_WORDS = (COMPONENT_WORDS, EVENT_WORDS, IMPACT_WORDS, OVERALL_WORDS, WORKLOAD_WORDS)
