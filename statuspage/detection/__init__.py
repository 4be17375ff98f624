"""From measurements to drafts: what is received, what the rules make of it, and what the site does then."""
