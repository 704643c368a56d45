"""A browser, and a site for it."""

from tests.support.browsing import browser, site, visit

__all__ = ["browser", "site", "visit"]
