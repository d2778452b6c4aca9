//! The Statuspage v2 documents, which aggregators and customers' tools read.

use mainstay_model::PublicUpdate;
use serde_json::{Value, json};

use super::figures::{Figures, Group, PublicComponent, PublicIncident};

/// Every page of a status page has an identifier there; ours has one page.
const PAGE_ID: &str = "mainstay";

/// How many incidents the list has at most, as there.
const LATEST: usize = 50;

/// Each document under its path below `/api/v2/`.
pub(super) fn documents(figures: &Figures) -> Vec<(&'static str, Value)> {
    let page = page(figures);
    let status = status(figures);
    let components = components(figures);
    let unresolved: Vec<Value> =
        figures.open_incidents().map(|one| incident(figures, &components, one)).collect();
    let latest: Vec<Value> =
        figures.incidents.iter().take(LATEST).map(|one| incident(figures, &components, one)).collect();
    let none = json!({ "page": page, "scheduled_maintenances": [] });
    vec![
        (
            "summary.json",
            json!({
                "page": page, "status": status, "components": components, "incidents": unresolved,
                "scheduled_maintenances": [],
            }),
        ),
        ("status.json", json!({ "page": page, "status": status })),
        ("components.json", json!({ "page": page, "components": components })),
        ("incidents.json", json!({ "page": page, "incidents": latest })),
        ("incidents/unresolved.json", json!({ "page": page, "incidents": unresolved })),
        ("scheduled-maintenances.json", none.clone()),
        ("scheduled-maintenances/upcoming.json", none.clone()),
        ("scheduled-maintenances/active.json", none),
    ]
}

fn page(figures: &Figures) -> Value {
    json!({
        "id": PAGE_ID, "name": figures.title, "url": figures.url, "time_zone": "Etc/UTC", "updated_at": figures.changed_at(),
    })
}

fn status(figures: &Figures) -> Value {
    json!({ "indicator": figures.impact().as_str(), "description": figures.sentence() })
}

fn components(figures: &Figures) -> Vec<Value> {
    let mut position = 0;
    let mut documents = Vec::new();
    for group in &figures.groups {
        let id_of_group = group.title.as_deref().map(group_id);
        if let (Some(id), Some(title)) = (&id_of_group, &group.title) {
            position += 1;
            documents.push(group_document(group, id, title, position));
        }
        for one in &group.components {
            position += 1;
            documents.push(component(one, id_of_group.as_deref(), position));
        }
    }
    documents
}

/// Stable while the title is; not a component's key, since those have no colon.
fn group_id(title: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    format!("group:{}", title.chars().map(plain).collect::<String>())
}

fn group_document(group: &Group, id: &str, title: &str, position: u32) -> Value {
    let worst = group.components.iter().map(|one| one.condition).max();
    let changed = group.components.iter().map(|one| one.changed_at).max();
    let members: Vec<&str> = group.components.iter().map(|one| one.name.as_str()).collect();
    json!({
        "id": id, "page_id": PAGE_ID, "name": title, "position": position, "group": true, "group_id": null,
        "status": worst.map_or("operational", |worst| worst.statuspage()), "components": members,
        "description": null, "showcase": false, "only_show_if_degraded": false, "start_date": null,
        "created_at": changed, "updated_at": changed,
    })
}

fn component(one: &PublicComponent, group_id: Option<&str>, position: u32) -> Value {
    let changed = one.changed_at;
    json!({
        "id": one.name, "page_id": PAGE_ID, "name": one.title, "description": one.description,
        "status": one.condition.statuspage(), "position": position, "group": false, "group_id": group_id,
        "showcase": true, "only_show_if_degraded": false, "start_date": null,
        "created_at": changed, "updated_at": changed,
    })
}

fn incident(figures: &Figures, components: &[Value], one: &PublicIncident) -> Value {
    let names: Vec<&str> = one.components.iter().map(|name| name.as_str()).collect();
    let is_affected = |document: &&Value| document["id"].as_str().is_some_and(|id| names.contains(&id));
    let affected: Vec<&Value> = components.iter().filter(is_affected).collect();
    let updates: Vec<Value> = one.updates.iter().map(|update| self::update(one, update)).collect();
    json!({
        "id": one.id, "page_id": PAGE_ID, "name": one.title, "status": one.status.as_str(), "impact": one.impact.as_str(),
        "created_at": one.published_at, "updated_at": one.changed_at(), "started_at": one.started_at,
        "monitoring_at": one.monitoring_at, "resolved_at": one.resolved_at,
        "shortlink": format!("{}/incidents/{}", figures.url, one.id),
        "incident_updates": updates, "components": affected,
    })
}

fn update(incident: &PublicIncident, update: &PublicUpdate) -> Value {
    json!({
        "id": update.id, "incident_id": incident.id, "status": update.status.as_str(), "body": update.body,
        "created_at": update.at, "updated_at": update.at, "display_at": update.at,
        "affected_components": null, "deliver_notifications": false, "custom_tweet": null, "tweet_id": null,
    })
}
