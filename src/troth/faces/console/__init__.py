"""The console: where staff work.  It translates and decides nothing; who may do what is checked before any page."""
