use std::sync::Arc;
use std::time::Instant;

use mainstay_model::Commit;

use crate::home::Home;
use crate::sample::*;

/// Prints what a check costs: `cargo test -p mainstay-store --release speed -- --nocapture`. The times are for
/// whoever reads them; what a check takes of the disk does not depend on the machine.
#[tokio::test]
async fn a_check_costs_few_bytes() {
    let home = Home::sqlite();
    let store = home.open().await;
    let size = |home: &Home| std::fs::metadata(home.file()).unwrap().len();
    let round = |number: i64, count: usize| Commit {
        reports: (0..count)
            .map(|which| healthy(&format!("dependency-{which}"), later(60 * number)))
            .collect(),
        ..Commit::default()
    };
    store.commit(&round(0, 500)).await.unwrap();
    home.run("PRAGMA wal_checkpoint(TRUNCATE)").await;
    let before = size(&home);
    let begun = Instant::now();
    for number in 1..=40 {
        store.commit(&round(number, 500)).await.unwrap();
    }
    let rows = 40.0 * 500.0;
    let taken = begun.elapsed().as_secs_f64();
    home.run("PRAGMA wal_checkpoint(TRUNCATE)").await;
    let bytes = (size(&home) - before) as f64 / rows;
    println!("{:.0} checks a second in commits of 500, {bytes:.0} bytes a check", rows / taken);
    assert!(bytes < 100.0, "{bytes} bytes a check");

    let states = Commit {
        dependencies: (0..2000)
            .map(|which| Arc::new(state(healthy(&format!("dependency-{which}"), start()))))
            .collect(),
        ..Commit::default()
    };
    let begun = Instant::now();
    store.commit(&states).await.unwrap();
    println!("{:.0} states a second", 2000.0 / begun.elapsed().as_secs_f64());
    let begun = Instant::now();
    assert_eq!(store.restore(start()).await.unwrap().dependencies.len(), 2000);
    println!("{:.0} states restored a second", 2000.0 / begun.elapsed().as_secs_f64());
}
