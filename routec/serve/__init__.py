"""The long-running parts put together: what a service manager runs. `service` is the whole, the others are parts."""
