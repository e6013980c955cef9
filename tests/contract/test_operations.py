"""What operators and browsers ask for."""

import re
from urllib.parse import urljoin, urlsplit

import pytest

from . import expect


def test_the_root_leads_to_the_documentation(anonymous):
    response = anonymous.get("/")
    assert response.status_code == 303
    assert expect.location(response) == "/api/docs/"


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_a_server_that_works_says_so_to_anybody(anonymous, path):
    response = anonymous.get(path)
    assert expect.ok(response)["status"]
    assert anonymous.head(path).status_code == 200


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_health_names_neither_hosts_nor_versions(anonymous, path):
    said = anonymous.get(path).get_data(as_text=True)
    assert not re.search(r"localhost|://|/tmp|\d+\.\d+\.\d+|[\w.]+@", said)


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_a_bad_token_does_not_make_the_server_look_ill(anonymous, path):
    assert anonymous.get(path, headers={"Authorization": "Bearer nonsense"}).status_code == 200


@pytest.fixture
def docs(anonymous):
    """The page of the interactive documentation."""
    response = anonymous.get("/api/docs/")
    assert (response.status_code, response.mimetype) == (200, "text/html")
    return response


def links(page):
    """Everything that a page loads."""
    return re.findall(r"""(?:src|href)\s*=\s*["']?([^"'\s>]+)""", page)


def test_everything_that_the_documentation_loads_is_served_here(anonymous, docs):
    addresses = links(docs.get_data(as_text=True))
    assert addresses
    for address in addresses:
        target = urlsplit(urljoin("http://here/api/docs/", address))
        assert target.scheme in ("http", "data") and target.netloc in ("here", "")
        if target.scheme == "http":
            assert anonymous.get(target.path).status_code == 200


def test_the_documentation_may_load_nothing_from_elsewhere(docs):
    policy = docs.headers["Content-Security-Policy"]
    assert "default-src" in policy
    assert not re.search(r"https?://|(?<!\S)\*(?!\S)|'unsafe-eval'", policy)


def test_the_documentation_is_about_this_description(anonymous, docs):
    page = docs.get_data(as_text=True)
    scripts = [address for address in links(page) if urlsplit(address).path.endswith(".js")]
    texts = [anonymous.get(urljoin("/api/docs/", address)).get_data(as_text=True) for address in scripts]
    assert any("openapi.json" in text for text in [page, *texts])


@pytest.mark.parametrize(
    "path", ["/api/docs/../../etc/passwd", "/api/docs/%2e%2e/%2e%2e/setup.cfg", "/api/docs/nothing.js"]
)
def test_the_documentation_serves_nothing_but_its_own_files(anonymous, path):
    expect.problem(anonymous.get(path), 404)
