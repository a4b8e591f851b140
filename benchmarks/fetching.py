"""What it takes to fetch a site of 300 pages, and to be rid of one that is hostile.

Each case runs in a process of its own, beside one that fetches a single page: what is printed is
the time until the answer or the error, and how much higher the peak of memory is.
Run: python -m benchmarks.fetching
"""

from __future__ import annotations

import resource
import time
from collections.abc import Callable
from multiprocessing import get_context

from digest.http_client import AddressRules, Limits, OutboundClient, OutboundRefused
from digest.sources.sitemaps import read_sitemap
from tests.sources.site.comparison_site import HOSTILE
from tests.sources.site.site_server import NETWORK, RunningSite, running_site

PAGES = 300
LIMITS = Limits(bytes=1_000_000, seconds=5)
LIST = Limits(bytes=20_000_000, seconds=60)


Case = Callable[[OutboundClient, RunningSite], str]


def measured(case: Case, site: RunningSite) -> tuple[str, float, float]:
    """Run *case* in a new process; return what it says, its seconds, its peak in megabytes."""
    with get_context("spawn").Pool(1) as pool:
        return pool.apply(run, (case, site))


def run(case: Case, site: RunningSite) -> tuple[str, float, float]:
    """Run *case* in this process."""
    with OutboundClient(user_agent="benchmark", rules=AddressRules.allowing(NETWORK)) as client:
        began = time.perf_counter()
        said = case(client, site)
        seconds = time.perf_counter() - began
    return said, seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


class Hostile:
    """Asks for one hostile page."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, client: OutboundClient, site: RunningSite) -> str:
        """Return what the error says."""
        try:
            client.get(f"{site.url}/hostile/{self.name}", limits=LIMITS)
        except OutboundRefused as fault:
            return fault.fault.value
        return "answered"


def one_page(client: OutboundClient, site: RunningSite) -> str:
    """Fetch what every case needs at least."""
    return f"{client.get(f'{site.url}/robots.txt', limits=LIMITS).status}"


def whole_site(client: OutboundClient, site: RunningSite) -> str:
    """Fetch every page of the sitemap, and then all of them again by their ETags."""
    sitemap = client.get(f"{site.url}/sitemap.xml", limits=LIST)
    pages = [page.url for page in read_sitemap(sitemap.body, url=sitemap.url).pages]
    tags = {url: client.get(url, limits=LIMITS).headers["ETag"] for url in pages}
    began = time.perf_counter()
    again = [
        client.get(url, headers={"If-None-Match": tag}, limits=LIMITS).status
        for url, tag in tags.items()
    ]
    took = time.perf_counter() - began
    return f"{len(tags)} pages, then {again.count(304)} unchanged in {took:.2f} s of that"


def main() -> None:
    """Print a line for each case."""
    with running_site(PAGES) as site:
        _, _, floor = measured(one_page, site)
        print(f"one page: peak {floor:.0f} MB")
        cases: dict[str, Case] = {"site": whole_site, **{name: Hostile(name) for name in HOSTILE}}
        for name, case in cases.items():
            said, seconds, peak = measured(case, site)
            print(f"{name:12} {said:40} {seconds:6.2f} s, {peak - floor:+5.1f} MB")


if __name__ == "__main__":
    main()
