//! An incident from the message that wakes somebody to its end, on a phone.

use fantoccini::Locator;
use mainstay_model::{Delivery, IncidentId, PersonName};
use mainstay_web::operator::Who;

use super::{PHONE, Window};

impl Window {
    /// The link in the latest message that this person got, on the address under which the pages are served here.
    async fn link_of(&self, incident: IncidentId, person: &str) -> String {
        let messages = self.house.store.deliveries(incident).await.unwrap();
        let theirs =
            |one: &&Delivery| one.message.person.as_ref().is_some_and(|name| name.as_str() == person);
        let name: PersonName =
            messages.iter().rfind(theirs).expect("a message").message.person.clone().unwrap();
        self.house.links.url("", incident, &Who::Person(name))
    }

    /// How high the first such button is, in pixels.
    async fn height(&self, selector: &str) -> f64 {
        let button = self.client.find(Locator::Css(selector)).await.unwrap();
        button.rectangle().await.unwrap().3
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_incident_is_worked_from_the_message_to_its_end_on_a_phone() {
    for scripts in [true, false] {
        let Some(window) = Window::open(PHONE, scripts).await else { return };
        let incident = window.house.incident_of("orders-db");

        // The message that woke Anna: her link shows what it is about, and does nothing by itself.
        window.go(&window.link_of(incident, "anna").await).await;
        window.says("h1", "2 dependencies of Acme Databases are down").await;
        window.says("#state", "Nobody has taken it up.").await;
        window.says("#state", "You take it up in the name of anna.").await;
        assert!(window.height(".urgent button").await >= 48.0, "the button is for a thumb");
        window.is_sound("the link").await;
        window.press("Take it up").await;
        window.says("#done", "You took it up at 22:41 UTC. Nobody else is called for it.").await;
        window.is_sound("the link once it is taken up").await;

        // The incident: taken up, and what to do.
        window.press("Open the incident").await;
        window.says("#state", "Taken up by anna.").await;
        window.says("#facts", "Have it renewed.").await;
        window.says("#moments", "anna took it up.").await;
        window.is_sound("the incident").await;

        // She hands it to Ben, who is told and takes it up by the link in that message.
        window.press("Hand over").await;
        let to = window.client.find(Locator::Css("#to")).await.unwrap();
        to.select_by_label("Ben").await.unwrap();
        window.is_sound("handing over").await;
        window.press("Hand it over").await;
        window.says("#state", "It was handed to ben, who has not taken it up yet.").await;
        window.says("#moments", "hands it to ben.").await;
        window.go(&window.link_of(incident, "ben").await).await;
        window.press("Take it up").await;
        window.says("#done", "You took it up").await;
        window.press("Open the incident").await;
        window.says("#state", "Taken up by ben.").await;

        // He writes down what he knows, with what shows it, and what is to do.
        window.write("#text", "Acme renews it now.").await;
        window.press("With what shows it").await;
        window.write("#shown", "https://acme.example/tickets/4711").await;
        window.press("Write it down").await;
        window.says("#moments", "Acme renews it now.").await;
        window.says("#moments .evidence", "https://acme.example/tickets/4711").await;
        window.write("#task", "Ask for the post-mortem").await;
        window.press("Add").await;
        window.says("#task-list", "Ask for the post-mortem").await;
        window.press("Done").await;
        window.says("#task-list .done", "Ask for the post-mortem").await;
        window.is_sound("the incident with a task").await;

        // Customers hear of it, are promised more, and hear more.
        window.press("Publish").await;
        window.says("#public", "identified").await;
        window.press("Promise the next update").await;
        window.press("In 20 min").await;
        window.says("#state", "The next update is due in 20 min, at 23:01 UTC.").await;
        window.write("#update-body", "The provider is renewing its certificate.").await;
        window.press("Publish the update").await;
        window.says("#public", "The provider is renewing its certificate.").await;
        window.is_sound("the incident that customers see").await;

        // It is over, and says so wherever one looks.
        window.press("Close").await;
        window.press("Close it by hand").await;
        window.says("#state", "Resolved by hand").await;
        window.says("#facts", "Taken up").await;
        window.says("#public", "resolved").await;
        let left = window.client.find_all(Locator::Css(".acts, .urgent")).await.unwrap();
        assert!(left.is_empty(), "nothing is left to do");
        window.is_sound("the incident that is over").await;
        window.go(&window.link_of(incident, "anna").await).await;
        window.says("#done", "It is over; nothing is left to take up.").await;
        window.close().await;
    }
}
