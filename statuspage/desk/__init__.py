"""What operators, the detector and the clock do to incidents. Pages, CLI and API all come through here."""
