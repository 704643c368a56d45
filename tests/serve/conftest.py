"""Libraries of films of colours, servers of them, and a browser."""

from tests.support.browsing import browser, site, visit
from tests.support.libraries import library
from tests.support.servers import client, unused_port

__all__ = ["browser", "client", "library", "site", "unused_port", "visit"]
