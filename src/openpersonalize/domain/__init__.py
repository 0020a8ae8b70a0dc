"""Rules of the field; pure: no I/O, no SQL, no HTTP."""
