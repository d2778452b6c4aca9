//! Serves the operator's pages with the sample world of the tests, to look at them while working on them:
//! `cargo run -p mainstay-web --example preview`.

#[path = "../tests/it/house.rs"]
#[allow(dead_code, reason = "the tests use more of it")]
mod house;
#[path = "../tests/it/sample.rs"]
#[allow(dead_code, reason = "the tests use more of it")]
mod sample;

use jiff::SignedDuration;

#[tokio::main]
#[allow(clippy::print_stdout, reason = "it says where to look")]
async fn main() {
    let house = house::House::sample(SignedDuration::from_hours(7 * 24)).await;
    println!("http://{}", house.serve().await);
    std::future::pending::<()>().await;
}
