"""Settings, logging, telemetry and metrics: what every other package may rely on."""
