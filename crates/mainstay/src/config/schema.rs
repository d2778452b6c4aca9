//! The JSON Schema of the configuration, for editors and other tools.

use serde_json::{Map, Value as Json, json};

use super::node::{Node, Value};
use super::sections::Root;
use super::shape::{Field, Form, Presence, Section};

/// A value may always come from the environment or a file.
const VARIABLE: &str = "\\$\\{";

/// JSON Schema of draft 2020-12.
pub(crate) fn schema() -> Json {
    let mut root = section(Root::SECTION);
    root["$defs"] = definitions(Root::SECTION).into();
    root["$schema"] = "https://json-schema.org/draft/2020-12/schema".into();
    root["title"] = "Configuration of Mainstay".into();
    root["patternProperties"] =
        json!({ "^x-": { "description": "Anything: a place for what anchors repeat." } });
    root
}

/// The sections that contain themselves, to which every place of theirs refers.
fn definitions(of: &Section) -> Map<String, Json> {
    let mut all = Map::new();
    for inner in of.fields().iter().filter_map(|field| field.form.section()) {
        if inner.is_recursive() {
            all.insert(inner.name.to_owned(), section(inner));
        } else {
            all.extend(definitions(inner));
        }
    }
    all
}

fn section(section: &Section) -> Json {
    let properties: Map<String, Json> =
        section.fields().iter().map(|field| (field.key.to_owned(), property(field))).collect();
    let required: Vec<&str> = section
        .fields()
        .iter()
        .filter(|field| field.presence == Presence::Required)
        .map(|field| field.key)
        .collect();
    let mut schema = json!({
        "description": section.doc.trim(),
        "type": if required.is_empty() && section.one_of.is_empty() { json!(["object", "null"]) } else { json!("object") },
        "properties": properties,
        "additionalProperties": false,
    });
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    if !section.one_of.is_empty() {
        schema["oneOf"] = section.one_of.iter().map(|key| json!({ "required": [key] })).collect();
    }
    schema
}

fn property(field: &Field) -> Json {
    let mut schema = form(field.form);
    schema["description"] = field.doc.trim().into();
    if let Presence::Default(default) = field.presence
        && !default.is_empty()
    {
        schema["default"] = example(default);
    }
    if let Some(text) = field.example {
        schema["examples"] = json!([example(text)]);
    }
    schema
}

fn form(of: &Form) -> Json {
    match of {
        Form::Text { pattern: None, .. } => json!({ "type": ["string", "number"] }),
        Form::Text { pattern: Some(pattern), .. } => {
            json!({ "type": "string", "pattern": format!("{pattern}|{VARIABLE}") })
        }
        Form::Choice { words, .. } => or_variable(json!({ "enum": words })),
        Form::Count { min, max } => or_variable(json!({ "type": "integer", "minimum": min, "maximum": max })),
        Form::Percent => json!({ "anyOf": [
            { "type": "number", "minimum": 0, "maximum": 100 },
            { "type": "string", "pattern": format!("^[0-9.]+ ?%?$|{VARIABLE}") },
        ]}),
        Form::Flag => or_variable(json!({ "type": "boolean" })),
        Form::OneOrMany(item) => {
            json!({ "anyOf": [form(item), { "type": "array", "items": form(item) }, { "type": "null" }] })
        }
        Form::Section(inner) if inner.is_recursive() => {
            json!({ "$ref": format!("#/$defs/{}", inner.name) })
        }
        Form::Section(inner) => section(inner),
        Form::Names(item) => json!({
            "type": ["object", "null"],
            "propertyNames": { "pattern": "^[A-Za-z0-9._-]{1,100}$" },
            "additionalProperties": form(item),
        }),
    }
}

fn or_variable(schema: Json) -> Json {
    json!({ "anyOf": [schema, { "type": "string", "pattern": VARIABLE }] })
}

/// A default or an example as JSON; they are written in the tables as in a configuration.
fn example(text: &str) -> Json {
    let tree = super::yaml::read(text, &mut Vec::new()).ok().flatten();
    tree.map_or_else(|| text.into(), |tree| json_of(&tree.root))
}

/// A tree of values as JSON, with plain words read as YAML's core schema does.
pub(super) fn json_of(node: &Node) -> Json {
    match &node.value {
        Value::Null => Json::Null,
        Value::Scalar(text) => scalar(text),
        Value::List(items) => items.iter().map(|item| json_of(item)).collect(),
        Value::Map(entries) => {
            entries.iter().map(|entry| (entry.key.text.clone(), json_of(&entry.value))).collect()
        }
    }
}

fn scalar(text: &str) -> Json {
    match text {
        "true" => true.into(),
        "false" => false.into(),
        _ => match (text.parse::<i64>(), text.parse::<f64>()) {
            (Ok(number), _) => number.into(),
            (_, Ok(number)) if text.starts_with(|c: char| c.is_ascii_digit()) => number.into(),
            _ => text.into(),
        },
    }
}

#[cfg(test)]
mod tests;
