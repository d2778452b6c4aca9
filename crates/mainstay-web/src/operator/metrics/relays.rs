use mainstay_model::RelayReport;

use super::exposition::Exposition;

/// What relays count, each by its dependency.
pub(super) fn families(text: &mut Exposition, reports: &[RelayReport]) {
    if reports.is_empty() {
        return;
    }
    let mut family = text.gauge("mainstay_relay_up", "Whether the relay runs as it should.");
    for report in reports {
        family.sample(&[("dependency", report.dependency.as_str())], f64::from(report.trouble.is_none()));
    }
    let mut family = text.gauge("mainstay_relay_connections", "Connections that are open.");
    for report in reports {
        family.sample(&[("dependency", report.dependency.as_str())], report.figures.open as f64);
    }
    decisions(text, reports);
    traffic(text, reports);
    let mut family = text.gauge(
        "mainstay_relay_handshake_seconds",
        "How long TLS handshakes with the server took, by quantile.",
    );
    for report in reports {
        for (quantile, share) in [("0.5", 0.5), ("0.99", 0.99)] {
            if let Some(ms) = report.figures.handshakes.quantile_ms(share) {
                family.sample(
                    &[("dependency", report.dependency.as_str()), ("quantile", quantile)],
                    ms / 1000.0,
                );
            }
        }
    }
    let mut family = text.gauge("mainstay_relay_will_fail", "Addresses whose certificates would fail later.");
    for report in reports {
        family.sample(&[("dependency", report.dependency.as_str())], report.shadows.len() as f64);
    }
}

fn decisions(text: &mut Exposition, reports: &[RelayReport]) {
    let mut family =
        text.counter("mainstay_relay_admitted_total", "Connections that were let through, and how.");
    for report in reports {
        for (how, count) in [("verified", report.figures.verified), ("waived", report.figures.waived)] {
            family.sample(&[("dependency", report.dependency.as_str()), ("how", how)], count as f64);
        }
    }
    let mut family =
        text.counter("mainstay_relay_refused_total", "Connections that were not let through, and why.");
    for report in reports {
        for (reason, count) in &report.figures.refused {
            let labels = [("dependency", report.dependency.as_str()), ("reason", reason.as_str())];
            family.sample(&labels, *count as f64);
        }
    }
}

fn traffic(text: &mut Exposition, reports: &[RelayReport]) {
    let mut family = text.counter("mainstay_relay_bytes_total", "Bytes that were passed.");
    for report in reports {
        let ways = [("to-server", report.figures.sent), ("to-application", report.figures.received)];
        for (way, count) in ways {
            family.sample(&[("dependency", report.dependency.as_str()), ("direction", way)], count as f64);
        }
    }
}

#[cfg(test)]
mod tests {
    use mainstay_model::RelayFigures;

    use super::*;

    #[test]
    fn every_metric_of_relays_is_documented() {
        let documented = include_str!("../../../../../docs/reference/metrics.md");
        let report = RelayReport {
            dependency: "orders-db".parse().unwrap(),
            listen: vec![],
            trouble: None,
            figures: RelayFigures::default(),
            latest: vec![],
            shadows: vec![],
        };
        let mut text = Exposition::default();
        families(&mut text, &[report]);
        let text = text.into_text();
        let names: Vec<&str> =
            text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
        assert_eq!(names.len(), 7, "{text}");
        for name in names {
            assert!(documented.contains(&format!("`{name}`")), "{name} is not in the documentation");
        }
    }
}
