#![expect(clippy::print_stdout, reason = "the story is told to the person who started the demo")]

use jiff::Timestamp;

use super::home::Home;
use super::inbox::{Arrival, Inbox};
use super::shop::Shop;
use crate::clock;
use crate::service::Service;

/// Tells the story on the terminal, each line with the time since the beginning.
pub(super) struct Narrator {
    begin: Timestamp,
    operator_url: String,
}

impl Narrator {
    pub(super) fn new(begin: Timestamp, operator_url: String) -> Narrator {
        Narrator { begin, operator_url }
    }

    pub(super) fn introduce(&self, service: &Service, inbox: &Inbox, shop: &Shop, home: &Home) {
        println!("Mainstay watches a pretend provider, Acme Databases, in a story of two minutes.\n");
        println!("  operator's pages  {}", service.operator_url());
        println!("  status page       {}", service.public_url());
        println!("  the shop          {} (its database is behind a relay)", shop.url());
        println!("  messages sent     {}", inbox.url());
        println!("  files             {}\n", home.directory().display());
        println!("Ctrl-C ends it.\n");
    }

    pub(super) fn say(&self, text: &str) {
        let since = clock::now().duration_since(self.begin).as_secs();
        println!("{:2}:{:02}  {text}", since / 60, since % 60);
    }

    pub(super) fn received(&self, arrival: &Arrival) {
        self.say(&format!("{} {}", arrival.means, arrival.subject));
    }

    pub(super) fn shop(&self, is_open: bool) {
        if is_open {
            return self.say("The shop takes orders again.");
        }
        self.say(&format!(
            "The shop takes no orders: the relay refuses the expired certificate. To bring it back before the provider does, \
             open {}incidents, choose the incident and then \"Waiver\".",
            self.operator_url
        ));
    }

    pub(super) fn end(&self) {
        self.say("Mainstay sees it at its next check; then the story is told. The pages stay up: Ctrl-C ends the demo.");
    }
}
