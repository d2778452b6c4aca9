//! The schema and the reader come from the same tables; these tests show that they agree on real files.

use super::*;

fn json(text: &str) -> Json {
    let tree = super::super::yaml::read(text, &mut Vec::new());
    json_of(&tree.unwrap_or_else(|draft| panic!("{}", draft.message)).unwrap().root)
}

/// Validates by the keywords that the schema uses, and panics at any other.
fn valid(value: &Json, schema: &Json) -> Result<(), String> {
    let all = |key: &str| schema[key].as_array().into_iter().flatten();
    for (keyword, rule) in schema.as_object().unwrap() {
        let holds = match keyword.as_str() {
            "$defs" => true,
            "$ref" => {
                let name = rule.as_str().unwrap().trim_start_matches("#/$defs/");
                valid(value, &super::schema()["$defs"][name])?;
                true
            }
            "$schema" | "title" | "description" | "default" | "examples" | "propertyNames" => true,
            // Patterns need an engine; the one that lets variables through is simple enough.
            "pattern" => rule != VARIABLE || value.as_str().is_none_or(|text| text.contains("${")),
            "additionalProperties" | "patternProperties" => true,
            "type" => match rule {
                Json::Array(types) => types.iter().any(|word| is(value, word)),
                word => is(value, word),
            },
            "enum" => all("enum").any(|word| word == value),
            "anyOf" => all("anyOf").any(|inner| valid(value, inner).is_ok()),
            "oneOf" => all("oneOf").filter(|inner| valid(value, inner).is_ok()).count() == 1,
            "required" => {
                !value.is_object() || all("required").all(|key| value.get(key.as_str().unwrap()).is_some())
            }
            "minimum" => value.as_f64() >= rule.as_f64(),
            "maximum" => value.as_f64() <= rule.as_f64(),
            "items" => {
                value.as_array().into_iter().flatten().try_for_each(|item| valid(item, rule))?;
                true
            }
            "properties" => {
                value
                    .as_object()
                    .into_iter()
                    .flatten()
                    .try_for_each(|(key, inner)| property(key, inner, schema))?;
                true
            }
            other => panic!("the schema uses {other}, which this test does not know"),
        };
        if !holds {
            return Err(format!("{value} breaks {keyword}: {rule}"));
        }
    }
    if schema.get("properties").is_none() && schema["additionalProperties"].is_object() {
        value.as_object().into_iter().flatten().try_for_each(|(key, inner)| property(key, inner, schema))?;
    }
    Ok(())
}

fn property(key: &str, value: &Json, schema: &Json) -> Result<(), String> {
    match (&schema["properties"][key], &schema["additionalProperties"]) {
        (known, _) if known.is_object() => valid(value, known).map_err(|why| format!("{key}: {why}")),
        (_, rest) if rest.is_object() => valid(value, rest).map_err(|why| format!("{key}: {why}")),
        _ if key.starts_with("x-") && schema.get("patternProperties").is_some() => Ok(()),
        _ => Err(format!("{key} is not known")),
    }
}

fn is(value: &Json, word: &Json) -> bool {
    match word.as_str().unwrap() {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "null" => value.is_null(),
        other => panic!("unknown type {other}"),
    }
}

#[test]
fn the_schema_accepts_the_examples() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files: Vec<_> =
        files.filter(|file| file.extension().is_some_and(|extension| extension == "yaml")).collect();
    assert!(files.len() >= 3);
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        valid(&json(&text), &schema()).unwrap_or_else(|why| panic!("{}: {why}", file.display()));
    }
    valid(&json(include_str!("../../../tests/testdata/config/full.yaml")), &schema()).unwrap();
}

#[test]
fn the_schema_refuses_what_the_reader_refuses() {
    for (text, why) in [
        ("dependancies: {}", "dependancies is not known"),
        ("dependencies: { a: { every: 30s } }", "breaks required"),
        ("dependencies: { a: { url: 'tcp://h:1', tls: { verify: none } } }", "breaks anyOf"),
        ("dependencies: { a: { url: 'tcp://h:1', confirm: { of: 33 } } }", "breaks anyOf"),
        ("channels: { a: { email: a@b.example, slack: 'https://h' } }", "breaks oneOf"),
        ("channels: { a: {} }", "breaks oneOf"),
        ("routes: [ { severity: urgent, to: a } ]", "breaks anyOf"),
        ("routes: [ { to: a, routes: [ { too: b } ] } ]", "breaks anyOf"),
    ] {
        let refusal = valid(&json(text), &schema()).unwrap_err();
        assert!(refusal.contains(why), "{text}: {refusal}");
    }
}

#[test]
fn every_object_is_closed_and_every_key_described() {
    fn walk(schema: &Json) {
        match schema {
            Json::Object(object) => {
                if let Some(properties) = object.get("properties") {
                    assert_eq!(object["additionalProperties"], false);
                    for (key, property) in properties.as_object().unwrap() {
                        assert!(property["description"].as_str().is_some_and(|text| text.len() > 8), "{key}");
                    }
                }
                object.values().for_each(walk);
            }
            Json::Array(items) => items.iter().for_each(walk),
            _ => {}
        }
    }
    walk(&schema());
}
