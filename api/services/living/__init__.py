"""Reviews that are kept up to date: scheduled searches, the pool, versions, events."""
