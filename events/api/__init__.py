"""REST for the calendar, a file for each resource. It hands on none: REST framework itself loads `conventions`."""
