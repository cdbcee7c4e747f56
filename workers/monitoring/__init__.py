"""Whether the system works, for those who look after it: dashboard, alarms, health, metrics and logs."""
