use std::collections::BTreeSet;
use std::sync::Arc;

use axum::http::header;
use jiff::SignedDuration;
use mainstay_engine::Event;

use crate::house::House;
use crate::sample::{self, now};

#[tokio::test]
async fn the_metrics_parse_and_say_what_is_known() {
    let house = House::sample(SignedDuration::from_mins(60)).await;
    let answer = house.get("/metrics").await;
    assert_eq!(answer.headers[header::CONTENT_TYPE], "text/plain; version=0.0.4; charset=utf-8");
    let samples = parse(&answer.text);
    for sample in [
        r#"mainstay_build_info{version="0.1.0"} 1"#,
        r#"mainstay_dependency_up{dependency="orders-db",provider="acme-db"} 0"#,
        r#"mainstay_dependency_up{dependency="payments-api",provider="northwind"} 1"#,
        r#"mainstay_dependency_verdict{dependency="geo-lookup",verdict="inconclusive"} 1"#,
        r#"mainstay_dependency_failure{dependency="orders-db",kind="certificate-expired",blame="provider"} 1"#,
        r#"mainstay_incidents_open{severity="page"} 1"#,
        r#"mainstay_certificate_not_after_timestamp_seconds{dependency="orders-db",address="192.0.2.19:3306",position="0",name="eu-west.db.acme.example"} 1795386540"#,
    ] {
        assert!(samples.contains(sample), "no {sample} in\n{}", answer.text);
    }
    assert!(
        !answer.text.contains(r#"mainstay_dependency_up{dependency="geo-lookup""#),
        "not known, so not said"
    );
    assert!(answer.text.contains(
        r#"mainstay_check_phase_seconds{dependency="sessions",address="192.0.2.18:6380",phase="tls"}"#
    ));
}

/// Everything that is said is in the list of metrics.
#[tokio::test]
async fn every_metric_is_documented() {
    let documented = include_str!("../../../../docs/reference/metrics.md");
    let house = House::sample(SignedDuration::from_mins(60)).await;
    let text = house.get("/metrics").await.text;
    let families: Vec<&str> =
        text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
    assert!(families.len() > 10, "{text}");
    for family in families {
        assert!(documented.contains(&format!("`{family}`")), "{family} is not in the documentation");
    }
    for state in ["queued", "delivered", "given-up", "merged", "bounced"] {
        assert!(text.contains(&format!("mainstay_deliveries{{state=\"{state}\"}} ")), "{text}");
    }
    assert!(text.contains(&format!("mainstay_decided_timestamp_seconds {}", now().as_second())), "{text}");
}

#[tokio::test]
async fn the_end_of_a_certificate_is_kept_while_its_server_cannot_be_reached() {
    let house = House::sample(SignedDuration::from_mins(30)).await;
    let report = sample::unreachable("sessions", now());
    house.happens(vec![(now(), Event::Checked(Box::new(report)))]).await;
    let text = house.get("/metrics").await.text;
    assert!(
        text.contains(r#"mainstay_certificate_not_after_timestamp_seconds{dependency="sessions","#),
        "{text}"
    );
}

#[tokio::test]
async fn what_is_no_longer_configured_presents_no_certificate() {
    let house = House::sample(SignedDuration::from_mins(30)).await;
    let asked = ["/metrics", "/certificates", "/api/v1/certificates"];
    for path in asked {
        house.get(path).await.has("mail-out");
    }
    let mut landscape = sample::landscape();
    landscape.dependencies.remove("mail-out").unwrap();
    house.happens(vec![(now(), Event::Configured(Arc::new(landscape)))]).await;
    for path in asked {
        house.get(path).await.lacks("mail-out").has("sessions");
    }
}

/// Reads the text format strictly: each family once, with its type before its samples, and each sample once.
fn parse(text: &str) -> BTreeSet<String> {
    assert!(text.ends_with('\n'));
    let (mut families, mut samples, mut family) = (BTreeSet::new(), BTreeSet::new(), "");
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            family = rest.strip_suffix(" gauge").expect("a gauge");
            assert!(families.insert(family), "{family} stands twice");
        } else if !line.starts_with("# HELP ") {
            let (series, value) = line.rsplit_once(' ').expect("a value");
            value.parse::<f64>().unwrap_or_else(|_| panic!("{line}"));
            assert_eq!(series.split('{').next(), Some(family), "{line}");
            labels(series.strip_prefix(family).unwrap());
            assert!(samples.insert(line.to_owned()), "{line} stands twice");
        }
    }
    samples
}

fn labels(text: &str) {
    let Some(inner) = text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) else {
        assert_eq!(text, "");
        return;
    };
    let mut rest = inner;
    while !rest.is_empty() {
        let (name, after) = rest.split_once("=\"").expect("a label");
        assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{text}");
        let end = after.char_indices().scan(false, |escaped, (at, c)| {
            let ends = c == '"' && !*escaped;
            *escaped = c == '\\' && !*escaped;
            Some((at, ends))
        });
        let end = end.into_iter().find(|(_, ends)| *ends).expect("a closing quote").0;
        rest = after[end + 1..].strip_prefix(',').unwrap_or(&after[end + 1..]);
    }
}
