//! A waiver on a phone: offered, asked for, counted down on every page, and ended by its button.

use super::{PHONE, Window};

#[tokio::test(flavor = "multi_thread")]
async fn a_waiver_is_asked_for_seen_everywhere_and_ended_on_a_phone() {
    for scripts in [true, false] {
        let Some(window) = Window::open(PHONE, scripts).await else { return };
        let incident = format!("/incidents/{}", window.house.incident_of("orders-db"));
        window.go(&incident).await;
        window.press("Accept the expired certificate of orders-db for a while").await;
        window.says("#waive-orders-db", "This very certificate and key passed full verification").await;
        window.says("#waive-orders-db", "anybody who holds the old key can pose as orders-db").await;
        window.is_sound("the offer").await;
        window.write("#why-orders-db", "The shop is down").await;
        window.press("Accept it until then").await;
        window.says("#state", "A waiver is in force: the expired certificate of orders-db").await;
        window.is_sound("the incident with a waiver").await;
        for path in ["/", "/dependencies/orders-db", "/quiet"] {
            window.go(path).await;
            // The time of the sample is long past by the clock of the browser, whose script counts on from what the server says.
            let left = if scripts { "It ends in 0 s, at 02:41 UTC on 23 Nov." } else { "It ends in 4 h, at" };
            window.says("#waivers", left).await;
            window.says("#waivers", "Granted by operator: The shop is down.").await;
            window.is_sound(path).await;
        }
        window.press("End it now").await;
        window.says("#waivers", "no connection is made from then on").await;
        window.is_sound("before a waiver is ended").await;
        window.press("End the waiver").await;
        window.says("#moments", "The waiver for orders-db is over: operator ended it.").await;
        window.go("/dependencies/orders-db").await;
        window.says(".waiver-rows", "Over since 22:41 UTC: operator ended it.").await;
        window.is_sound("the dependency with a waiver that is over").await;
        window.close().await;
    }
}
