use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::response::Html;
use axum::routing::get;
use jiff::Timestamp;
use mainstay_model::{Target, in_words};
use mainstay_probe::{CheckRequest, Prober, ProberOptions};
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::clock;

/// How often somebody orders something.
const EVERY: Duration = Duration::from_millis(250);

/// The visitor's own application: it writes every order into the ledger, and reaches that through the relay.
pub(super) struct Shop {
    port: u16,
    open: watch::Receiver<bool>,
}

/// How business goes.
#[derive(Debug, Clone)]
struct Business {
    orders: u64,
    /// Since when it is as it is.
    since: Timestamp,
    /// Why the latest order failed, if it did.
    trouble: Option<String>,
}

type Till = Arc<Mutex<Business>>;

impl Shop {
    /// Opens the shop, which reaches its database at the relay's port.
    pub(super) async fn open(relay: u16) -> anyhow::Result<Shop> {
        let url = format!("postgres://shop:demo@127.0.0.1:{relay}/ledger?sslmode=disable");
        let order = CheckRequest::new(Target::parse(&url)?, Duration::from_secs(2));
        let till = Till::new(Mutex::new(Business { orders: 0, since: clock::now(), trouble: None }));
        let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await?;
        let port = listener.local_addr()?.port();
        let router = Router::new().route("/", get(page)).with_state(till.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        let (tell, open) = watch::channel(true);
        tokio::spawn(sell(order, till, tell));
        Ok(Shop { port, open })
    }

    /// Where customers are.
    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/", self.port)
    }

    /// Changes with whether orders can be taken.
    pub(super) fn is_open(&self) -> watch::Receiver<bool> {
        self.open.clone()
    }
}

/// Takes one order after the other: connect, log in, ask, leave, as a check does it.
async fn sell(order: CheckRequest, till: Till, tell: watch::Sender<bool>) {
    let prober = Prober::new(ProberOptions::default());
    loop {
        let now = clock::now();
        let trouble = prober.check(&order, now).await.failure.map(|failure| failure.message);
        {
            let mut business = till.lock().unwrap_or_else(PoisonError::into_inner);
            if business.trouble.is_some() != trouble.is_some() {
                business.since = now;
            }
            business.orders += u64::from(trouble.is_none());
            business.trouble.clone_from(&trouble);
        }
        tell.send_if_modified(|open| std::mem::replace(open, trouble.is_none()) != trouble.is_none());
        tokio::time::sleep(EVERY).await;
    }
}

/// What a customer sees, made anew every second.
async fn page(State(till): State<Till>) -> Html<String> {
    let Business { orders, since, trouble } = till.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let length = in_words(clock::now().duration_since(since));
    let (state, words) = match trouble {
        None => ("open", format!("The shop takes orders, and has for {length}.")),
        Some(why) => ("down", format!("The shop has taken no order for {length}. {}", escaped(&why))),
    };
    Html(format!(
        "<!DOCTYPE html><html lang=en><meta charset=utf-8><meta name=viewport content=\"width=device-width, initial-scale=1\">\
         <meta http-equiv=refresh content=1><title>Example Shop</title>\
         <style>:root{{color-scheme:light dark}}body{{font:1.125rem/1.5 system-ui,sans-serif;max-width:40rem;margin:4rem auto;padding:0 1rem;\
         overflow-wrap:anywhere}}.down{{color:light-dark(#b3261e,#ff8a80)}}</style>\
         <h1>Example Shop</h1><p class={state}>{words}</p><p>{orders} orders so far.</p>"
    ))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
