"""The system on one machine, for `make run` and the tests: the two services and the Procfile's processes."""
