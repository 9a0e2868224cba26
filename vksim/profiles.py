"""How clouds behave, as the mock provider can play it: measured on production providers and fakes of their clouds.

A profile knows no quotas and no throttling. ``tools/cloud_profile.py`` measures one.
"""

from collections.abc import Mapping

PROFILES: dict[str, Mapping[str, str]] = {
    "aci": {
        "create-takes": "lognormal(median=1.55s, p99=4.19s)",
        "start-after": "lognormal(median=26.47s, p99=56.75s)",
        "end-after": "lognormal(median=3.06s, p99=11.64s)",
    },
    "eci": {
        "create-takes": "lognormal(median=0.11s, p99=0.83s)",
        "start-after": "lognormal(median=15.70s, p99=40.22s)",
        "end-after": "lognormal(median=0.27s, p99=1.09s)",
    },
}
"""Name -> settings of the mock provider's script."""
