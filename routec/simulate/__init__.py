"""The call simulator and the call tests will live here; they run the model, and routec.signin's own conversation."""
