//! What only a browser can tell: that pages fit, run without complaint, follow what happens, and work without scripts.

mod channels;
mod night;
mod waiver;

use std::net::SocketAddr;

use fantoccini::wd::WebDriverCompatibleCommand;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use jiff::SignedDuration;
use mainstay_testkit::servers::{Chromedriver, require};
use mainstay_testkit::wait_for;
use serde_json::json;

use crate::house::{House, PATIENCE};

const DESKTOP: (u32, u32) = (1280, 900);
const PHONE: (u32, u32) = (360, 740);

const PAGES: &[&str] = &[
    "/drills",
    "/drills?dependency=sessions",
    "/",
    "/dependencies/orders-db",
    "/dependencies/payments-api",
    "/dependencies/mail-out",
    "/dependencies/geo-lookup",
    "/dependencies/sessions",
    "/certificates?all=yes",
    "/incidents",
    "/messages",
    "/channels",
    "/on-call",
    "/quiet",
    "/coverage",
];

/// A window of a real browser on the pages of a sample house.
struct Window {
    client: Client,
    address: SocketAddr,
    house: House,
    scripts: bool,
    // Ends the browser, so it goes last.
    _driver: Chromedriver,
}

impl Window {
    /// `None` where no browser is installed.
    async fn open((width, height): (u32, u32), scripts: bool) -> Option<Window> {
        if !require(Chromedriver::available()) {
            return None;
        }
        let driver = Chromedriver::start();
        let options = json!({
            "args": driver.arguments(),
            "mobileEmulation": { "deviceMetrics": { "width": width, "height": height, "pixelRatio": 1.0, "mobile": width < 600 } },
        });
        let capabilities =
            json!({ "goog:chromeOptions": options, "goog:loggingPrefs": { "browser": "ALL" } });
        let mut builder = ClientBuilder::new(HttpConnector::new());
        builder.capabilities(capabilities.as_object().unwrap().clone());
        let client = builder.connect(&driver.url()).await.unwrap();
        let house = House::sample(SignedDuration::from_hours(1)).await;
        let address = if scripts { house.serve().await } else { house.serve_without_scripts().await };
        Some(Window { client, address, house, scripts, _driver: driver })
    }

    async fn go(&self, path: &str) {
        self.client.goto(&format!("http://{}{path}", self.address)).await.unwrap();
    }

    /// The text of the first element that is found; `None` while there is none, or it is just being exchanged.
    async fn text(&self, selector: &str) -> Option<String> {
        self.client.find(Locator::Css(selector)).await.ok()?.text().await.ok()
    }

    /// Waits until the first element that is found says so.
    async fn says(&self, selector: &str, words: &str) {
        let said = async || self.text(selector).await.filter(|text| text.contains(words)).map(drop);
        wait_for(&format!("{selector} to say {words:?}"), PATIENCE, said).await;
    }

    /// Presses the first button or link with these words that can be seen.
    async fn press(&self, words: &str) {
        let path =
            format!("//*[self::button or self::a or self::summary][normalize-space(text())='{words}']");
        let seen = async || {
            let all = self.client.find_all(Locator::XPath(&path)).await.ok()?;
            for one in all {
                if one.is_displayed().await.unwrap_or(false) && one.click().await.is_ok() {
                    return Some(());
                }
            }
            None
        };
        wait_for(&format!("something called {words:?} to press"), PATIENCE, seen).await;
    }

    /// Writes into a field.
    async fn write(&self, selector: &str, text: &str) {
        let field = self.client.find(Locator::Css(selector)).await.unwrap();
        field.send_keys(text).await.unwrap();
    }

    /// Whether nothing is wider than the window, and the page complained about nothing.
    async fn is_sound(&self, what: &str) {
        let script = "return [document.documentElement.scrollWidth, window.innerWidth]";
        let widths = self.client.execute(script, vec![]).await.unwrap();
        assert!(widths[0].as_u64() <= widths[1].as_u64(), "{what} scrolls sideways: {widths}");
        let complaints = self.complaints().await;
        // A page that may run no scripts complains about its own.
        assert!(complaints.is_empty() || !self.scripts, "{what}: {complaints:?}");
    }

    /// Waits until so many pages listen for changes.
    async fn listeners(&self, count: usize) {
        let heard = async || (self.house.listeners() == count).then_some(());
        wait_for(&format!("{count} listeners"), PATIENCE, heard).await;
    }

    /// Lets the page believe that it is hidden, or seen again.
    async fn is_hidden(&self, hidden: bool) {
        let script = format!(
            "Object.defineProperty(document, 'hidden', {{ get: () => {hidden}, configurable: true }});
             document.dispatchEvent(new Event('visibilitychange'));"
        );
        self.client.execute(&script, vec![]).await.unwrap();
    }

    /// What the page complained about since it was last asked: broken rules, missing files, failing scripts.
    async fn complaints(&self) -> Vec<String> {
        let log = self.client.issue_cmd(ConsoleLog).await.unwrap();
        let lines = log.as_array().unwrap().iter();
        lines.map(|line| format!("{} {}", line["level"], line["message"])).collect()
    }

    async fn close(self) {
        self.client.clone().close().await.unwrap();
    }
}

/// Chromedriver's own command for the lines of the console.
#[derive(Debug)]
struct ConsoleLog;

impl WebDriverCompatibleCommand for ConsoleLog {
    fn endpoint(&self, base: &url::Url, session: Option<&str>) -> Result<url::Url, url::ParseError> {
        base.join(&format!("session/{}/se/log", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &url::Url) -> (axum::http::Method, Option<String>) {
        (axum::http::Method::POST, Some(json!({ "type": "browser" }).to_string()))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_fits_a_phone_and_a_desk_and_has_nothing_to_complain_about() {
    for size in [PHONE, DESKTOP] {
        let Some(window) = Window::open(size, true).await else { return };
        let incident = window.house.incident_of("orders-db");
        let message = window.house.store.deliveries(incident).await.unwrap()[0].id;
        let [incident, message] = [format!("/incidents/{incident}"), format!("/messages/{message}")];
        for path in PAGES.iter().copied().chain([incident.as_str(), message.as_str()]) {
            window.go(path).await;
            let width =
                window.client.execute("return document.documentElement.scrollWidth", vec![]).await.unwrap();
            assert!(width.as_u64().unwrap() <= u64::from(size.0), "{path} is {width} wide on {size:?}");
            let complaints = window.complaints().await;
            assert!(complaints.is_empty(), "{path}: {complaints:?}");
        }
        window.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_incident_is_published_by_hand_and_the_page_follows() {
    let Some(window) = Window::open(DESKTOP, true).await else { return };
    window.go("/incidents").await;
    let link = window
        .client
        .find(Locator::LinkText("2 dependencies of Acme Databases are down: their certificate expired"));
    link.await.unwrap().click().await.unwrap();
    window.says("h1", "2 dependencies of Acme Databases are down").await;
    let title = window.client.find(Locator::Css("#title")).await.unwrap();
    assert_eq!(
        title.prop("value").await.unwrap().unwrap(),
        "Checkout, Account and log-in and Reports may be unavailable"
    );
    title.clear().await.unwrap();
    title.send_keys("Checkout fails").await.unwrap();
    window.client.find(Locator::XPath("//button[text()='Publish']")).await.unwrap().click().await.unwrap();
    window.says("#public", "Checkout fails").await;
    let publication = {
        let id = window.house.incident_of("orders-db");
        let state = window.house.state.read().unwrap();
        state.incident(id).unwrap().publication.clone().unwrap()
    };
    assert_eq!(publication.title, "Checkout fails");
    window.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_is_open_follows_what_others_do_and_keeps_what_is_being_written() {
    let Some(window) = Window::open(DESKTOP, true).await else { return };
    let path = format!("/incidents/{}", window.house.incident_of("orders-db"));
    window.go(&path).await;
    window.says(".live", "Live").await;
    let note = window.client.find(Locator::Css("#text")).await.unwrap();
    note.send_keys("half a sen").await.unwrap();
    window.house.post_form(&format!("{path}/acknowledge"), "").await;
    window.says("#state", "Taken up by operator.").await;
    assert_eq!(note.prop("value").await.unwrap().as_deref(), Some("half a sen"));
    assert_eq!(window.complaints().await, Vec::<String>::new());
    window.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_nobody_sees_holds_no_connection_and_catches_up_when_it_is_seen() {
    let Some(window) = Window::open(DESKTOP, true).await else { return };
    let path = format!("/incidents/{}", window.house.incident_of("orders-db"));
    window.go(&path).await;
    window.says(".live", "Live").await;
    window.listeners(1).await;
    window.is_hidden(true).await;
    window.listeners(0).await;
    window.house.post_form(&format!("{path}/acknowledge"), "").await;
    window.is_hidden(false).await;
    window.says("#state", "Taken up by operator.").await;
    window.listeners(1).await;
    window.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_is_refused_says_that_it_is_not_live_and_asks_again() {
    let Some(window) = Window::open(DESKTOP, true).await else { return };
    let others = window.house.listen_until_refused().await;
    window.go("/").await;
    window.says(".live", "Not live, renewed every minute").await;
    drop(others);
    window.is_hidden(false).await;
    window.says(".live", "Live").await;
    window.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_can_be_read_and_done_without_scripts() {
    let Some(window) = Window::open(PHONE, false).await else { return };
    window.go("/").await;
    window.says("h1", "5 of 12 dependencies need you.").await;
    window.go("/dependencies/orders-db").await;
    window.says("h1", "orders-db is down since 22:29 UTC: its certificate expired.").await;
    window.go(&format!("/incidents/{}", window.house.incident_of("orders-db"))).await;
    window.client.find(Locator::XPath("//button[text()='Take it up']")).await.unwrap().click().await.unwrap();
    window.says("#state", "Taken up by operator.").await;
    window.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_stands_in_on_a_phone_without_scripts_and_it_is_taken_back() {
    let Some(window) = Window::open(PHONE, false).await else { return };
    window.go("/on-call").await;
    window.says("#now-platform", "Anna is on call for Platform until Mon 23 Nov 09:00.").await;
    let click = async |selector: &str| {
        window.client.find(Locator::Css(selector)).await.unwrap().click().await.unwrap();
    };
    click("#stand-in-platform summary").await;
    let who = window.client.find(Locator::Css("#person-platform")).await.unwrap();
    who.select_by_value("dina").await.unwrap();
    window
        .client
        .find(Locator::Css("#reason-platform"))
        .await
        .unwrap()
        .send_keys("Anna is ill")
        .await
        .unwrap();
    click("#stand-in-platform button").await;
    window.says("#now-platform .override", "Dina stands in from Mon 23 Nov 00:00 to Mon 23 Nov 09:00.").await;
    window.says("#now-platform .override", "Made by operator: Anna is ill.").await;
    click("#now-platform .override button").await;
    window.says("#now-platform", "Dina stands in for Carla").await;
    let said = window.text("#now-platform").await.unwrap();
    assert!(!said.contains("Anna is ill"), "{said}");
    window.close().await;
}
