"""How properties are tried: always the same examples, on a machine as busy as it may be."""

from hypothesis import HealthCheck, settings

settings.register_profile("checkout", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("checkout")
