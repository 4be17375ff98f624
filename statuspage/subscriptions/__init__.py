"""Who is told of what: sign-up with double opt-in, one rule for recipients, links that need no account."""
