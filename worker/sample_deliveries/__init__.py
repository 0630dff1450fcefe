"""Deliveries as booking systems make them: for `innkey send-test --as`, the tests and the documentation."""
