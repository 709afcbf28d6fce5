"""Whatever robots.txt and a sitemap hold, they are read at once, and one bad line costs that line only."""

import time

import pytest

from troth.work.crawl import DELAY_SECONDS_MAX, Robots, is_address, locations


@pytest.mark.parametrize(
    "part",
    ["<loc>" + " " * 600, "<loc><![CDATA[" + " " * 600, "<loc>" + "x" * 600, "<loc>x]]>" + " " * 600, "<" + "x" * 600],
)  # fmt: skip
def test_a_sitemap_that_means_to_take_for_ever_is_read_at_once(part):
    begun = time.process_time()
    assert locations((part * 200).encode()) == ([], False)
    assert time.process_time() - begun < 2


def test_addresses_are_found_in_each_way_a_sitemap_may_write_them():
    written = """<urlset><url><loc>
        https://shop.example/a?b=1&amp;c=2
        </loc></url><s:url><s:loc>https://shop.example/b</s:loc></s:url>
        <LOC> <![CDATA[ https://shop.example/c ]]> </LOC><loc></loc></urlset>"""
    assert locations(written.encode())[0] == [
        "https://shop.example/a?b=1&c=2", "https://shop.example/b", "https://shop.example/c",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "line",
    [
        "Disallow: //[", "Allow: //%5B", "Disallow: //℀",
        "Crawl-delay: ²", "Crawl-delay: " + "9" * 5000, "Request-rate: ²/²",
    ],
)  # fmt: skip
def test_a_line_of_robots_that_nobody_can_read_leaves_the_others_as_they_are(line):
    written = f"User-agent: *\nDisallow: /no\n{line}\nDisallow: /never\nSitemap: http://[\nSitemap: /s.xml"
    robots = Robots(written.encode())
    assert [robots.allows("https://shop.example/" + page) for page in ("yes", "no", "never")] == [
        True, False, False,
    ]  # fmt: skip
    assert robots.delay == 0
    assert robots.sitemaps == ["http://[", "/s.xml"]
    assert not is_address("http://[")


def test_a_page_whose_address_cannot_be_read_is_not_visited():
    assert not Robots(None).allows("https://[/")
    assert not Robots(None).allows("https://%5B/")


def test_no_delay_is_too_long_to_be_cut():
    assert Robots(b"User-agent: *\nCrawl-delay: " + b"9" * 4000).delay == DELAY_SECONDS_MAX
