"""The page of the sign-in log will live here."""
