"""For scripts that a report of an earlier version wrote: they import `ArmRequest` from here."""
