"""Tests, which need a broker at PULSAR_URL."""
