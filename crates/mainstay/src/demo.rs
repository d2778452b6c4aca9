//! The whole story in two minutes: a pretend provider on loopback whose certificate runs out, and Mainstay around it.
//!
//! Only the provider is pretended, and it too makes real TLS handshakes and speaks real PostgreSQL and MySQL. Everything
//! else is what `serve` runs.

mod authority;
mod configuration;
mod home;
mod inbox;
mod narrator;
mod provider;
mod shop;

use std::path::PathBuf;
use std::time::Duration;

use jiff::SignedDuration;
use mainstay_model::in_words;

use crate::clock;
use crate::config;
use crate::inherited::Inherited;
use crate::service::Service;
use authority::{Authority, Validity};
use configuration::Ports;
use home::Home;
use inbox::Inbox;
use narrator::Narrator;
use provider::Provider;
use shop::Shop;

/// The life of the certificate that runs out. Warnings come at a quarter, a tenth and three hundredths of it.
const LIFETIME: SignedDuration = SignedDuration::from_secs(120);

/// How much of it is left when the demo begins.
const LEFT: SignedDuration = SignedDuration::from_secs(45);

/// How long the provider takes to notice: time enough to grant a waiver, and to see the shop come back before the provider does.
const OUTAGE: Duration = Duration::from_secs(75);

/// Runs until Ctrl-C.
pub(crate) async fn run(dir: Option<PathBuf>) -> anyhow::Result<()> {
    let home = Home::make(dir)?;
    let authority = Authority::new(clock::now())?;
    authority.write_root(&home.path("acme-ca.pem"))?;
    let begin = clock::now();
    let ends_at = begin + LEFT;
    let first =
        authority.issue("eu-west.acme.example", Validity { from: ends_at - LIFETIME, to: ends_at })?;
    let calm = authority.issue("api.payco.example", Validity::days(begin, 20, 90))?;
    let own = authority.issue("shop.example.com", Validity::days(begin, 10, 90))?;
    std::fs::write(home.path("shop.pem"), own.chain_pem())?;

    let acme = Provider::start(first).await?;
    let payco = Provider::start(calm).await?;
    let inbox = Inbox::start().await?;
    let relay = configuration::free_port(15432)?;
    let ports = Ports { acme: acme.ports(), payco: payco.ports().tls, relay, inbox: inbox.ports() };
    let yaml = home.path("mainstay.yaml");
    std::fs::write(&yaml, configuration::text(&ports)?)?;

    let loaded = config::load(&yaml, &config::environment)?;
    let service = Service::start(&yaml, loaded, Inherited::default()).await?;
    let shop = Shop::open(relay).await?;
    let narrator = Narrator::new(begin, service.operator_url());
    narrator.introduce(&service, &inbox, &shop, &home);
    let story = tell(narrator, &authority, &acme, &inbox, &shop, ends_at);
    tokio::select! {
        told = story => told?,
        stopped = service.run_until_told_to_stop() => stopped?,
    }
    Ok(())
}

/// What happens, as it happens. Never ends by itself: the pages stay up to be looked at.
async fn tell(
    narrator: Narrator,
    authority: &Authority,
    acme: &Provider,
    inbox: &Inbox,
    shop: &Shop,
    ends_at: jiff::Timestamp,
) -> anyhow::Result<()> {
    let provider = async {
        let left = in_words(LEFT);
        narrator.say(&format!(
            "Acme Databases serves MySQL and PostgreSQL with a certificate that has {left} to live."
        ));
        until(ends_at).await;
        narrator.say("The certificate has expired. Applications that verify it can no longer connect.");
        tokio::time::sleep(OUTAGE).await;
        let now = clock::now();
        acme.present(authority.issue("eu-west.acme.example", Validity::days(now, 0, 90))?)?;
        narrator.say("Acme Databases has renewed the certificate, good for 90 days.");
        anyhow::Ok(())
    };
    let messages = async {
        let mut arrivals = inbox.arrivals();
        while let Ok(arrival) = arrivals.recv().await {
            narrator.received(&arrival);
        }
        std::future::pending::<()>().await;
    };
    let customers = async {
        let mut open = shop.is_open();
        while open.changed().await.is_ok() {
            let is_open = *open.borrow_and_update();
            narrator.shop(is_open);
        }
        std::future::pending::<()>().await;
    };
    tokio::select! {
        failed = async { provider.await?; narrator.end(); std::future::pending::<anyhow::Result<()>>().await } => failed,
        () = messages => Ok(()),
        () = customers => Ok(()),
    }
}

async fn until(at: jiff::Timestamp) {
    let left = Duration::try_from(at.duration_since(clock::now())).unwrap_or_default();
    tokio::time::sleep(left).await;
}
