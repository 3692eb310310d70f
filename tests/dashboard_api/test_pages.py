import pytest
from standin import Browser, StandIn, problem

from dashboard_api.pages import web_folder


@pytest.fixture
def built(tmp_path):
    """A site whose pages are built, mounted under /demo/."""
    webui = tmp_path / "pages"
    (webui / "assets").mkdir(parents=True)
    (webui / "index.html").write_text("<!doctype html>烽燧", "utf-8")
    (webui / "assets" / "index-1a2b.js").write_text("1")
    (tmp_path / "state.txt").write_text("not a page")
    site = StandIn(tmp_path, root_path="/demo/", webui=webui)
    yield site
    site.close()


def test_without_built_pages_a_text_says_so(site):
    answer = Browser(site.app).get("/")
    assert answer.status_code == 200
    assert "make ui" in answer.text


def test_the_index_is_asked_for_anew_and_assets_are_kept(built):
    browser = Browser(built.app)
    index = browser.get("/demo/")
    assert (index.status_code, index.text) == (200, "<!doctype html>烽燧")
    assert index.headers["content-type"] == "text/html; charset=utf-8"
    assert index.headers["cache-control"] == "no-cache"
    asset = browser.get("/demo/assets/index-1a2b.js")
    assert asset.headers["content-type"] == "text/javascript; charset=utf-8"
    assert asset.headers["cache-control"] == "public, max-age=31536000, immutable"


def test_an_unchanged_page_is_not_sent_again(built):
    browser = Browser(built.app)
    tag = browser.get("/demo/").headers["etag"]
    assert browser.get("/demo/", headers={"If-None-Match": tag}).headers["etag"] == tag


@pytest.mark.parametrize(
    "path",
    ["/demo/../state.txt", "/demo/%2e%2e/state.txt", "/demo/assets/..%2f..%2fstate.txt",
     "/demo//etc/passwd", "/demo/%2fetc/passwd", "/demo/assets", "/demo/%00", "/demo/none.js",
     "/demo/" + "a" * 300],
)  # fmt: skip
def test_nothing_outside_the_folder_is_served(built, path):
    answer = Browser(built.app).get(path)
    assert problem(answer)[0] == 404


def test_pages_are_read_only(built):
    answer = Browser(built.app).post("/demo/index.html")
    assert problem(answer) == (405, "dashboard_api.path.method")


def test_the_folder_of_the_built_pages_is_inside_the_package():
    assert web_folder().parent.name == "dashboard_api"
