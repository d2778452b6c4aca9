//! The signed policy.

use std::collections::BTreeMap;

use aws_lc_rs::signature::Ed25519KeyPair;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use mainstay_model::{Fingerprint, Pin, PolicyWaiver, RelayPolicy};
use mainstay_testkit::{openssl, servers};
use mainstay_tls::{MAX_POLICY_BYTES, PolicyError, PolicyKey, PolicyPublicKey, SignedPolicy};
use serde_json::{Value, json};

/// The key of RFC 8037 appendix A.
const PRIVATE: &str = "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A";
const PUBLIC: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
const HEADER: &str = r#"{"alg":"EdDSA","typ":"mainstay-policy+json"}"#;

fn key() -> PolicyKey {
    PolicyKey::parse(PRIVATE).unwrap()
}

fn policy() -> RelayPolicy {
    let waiver = PolicyWaiver {
        id: "0199c0de-0000-7000-8000-000000000001".parse().unwrap(),
        dependency: "orders-db".parse().unwrap(),
        server_name: "db.example.test".to_owned(),
        pin: Pin { sha256: Fingerprint([0xab; 32]), spki_sha256: Fingerprint([0xcd; 32]) },
        not_after: "2026-03-14T22:29:00Z".parse().unwrap(),
        from: "2026-03-15T00:39:00Z".parse().unwrap(),
        until: "2026-03-15T04:39:00Z".parse().unwrap(),
        url: Some("https://mainstay.example.test/waivers/1".to_owned()),
    };
    RelayPolicy {
        issued_at: "2026-03-15T00:39:00Z".parse().unwrap(),
        waivers: vec![waiver],
        links: [("orders-db".parse().unwrap(), "https://mainstay.example.test/incidents/1".to_owned())]
            .into(),
        revoked: vec![Fingerprint([0xef; 32])],
    }
}

fn signed() -> Value {
    serde_json::to_value(SignedPolicy::sign(&policy(), &key()).unwrap()).unwrap()
}

fn open(envelope: &Value) -> Result<RelayPolicy, PolicyError> {
    SignedPolicy::open(envelope.to_string().as_bytes(), &[key().public()])
}

/// An envelope of anything, with a signature that holds.
fn forged_by_ourselves(header: &str, payload: &str) -> Value {
    let pair = Ed25519KeyPair::from_seed_unchecked(&BASE64.decode(PRIVATE).unwrap()).unwrap();
    let (protected, payload) = (BASE64.encode(header), BASE64.encode(payload));
    let signature = BASE64.encode(pair.sign(format!("{protected}.{payload}").as_bytes()));
    json!({ "protected": protected, "payload": payload, "signature": signature })
}

/// Programs in other languages read this, so it must not change but by addition.
#[test]
fn the_envelope_is_a_contract() {
    let envelope = signed();
    let text =
        |member: &str| String::from_utf8(BASE64.decode(envelope[member].as_str().unwrap()).unwrap()).unwrap();
    assert_eq!(envelope.as_object().unwrap().len(), 3);
    assert_eq!(text("protected"), HEADER);
    let (ab, cd, ef) = ("ab".repeat(32), "cd".repeat(32), "ef".repeat(32));
    assert_eq!(
        text("payload"),
        format!(
            r#"{{"issued_at":"2026-03-15T00:39:00Z","waivers":[{{"id":"0199c0de-0000-7000-8000-000000000001","dependency":"orders-db","server_name":"db.example.test","sha256":"{ab}","spki_sha256":"{cd}","not_after":"2026-03-14T22:29:00Z","from":"2026-03-15T00:39:00Z","until":"2026-03-15T04:39:00Z","url":"https://mainstay.example.test/waivers/1"}}],"links":{{"orders-db":"https://mainstay.example.test/incidents/1"}},"revoked":["{ef}"]}}"#
        )
    );
    assert_eq!(open(&envelope), Ok(policy()));
    let nothing = RelayPolicy { issued_at: policy().issued_at, ..RelayPolicy::default() };
    let envelope =
        forged_by_ourselves(HEADER, r#"{"issued_at":"2026-03-15T00:39:00Z","waivers":[],"later":1}"#);
    assert_eq!(open(&envelope), Ok(nothing), "what a later version adds is passed over");
}

#[test]
fn the_schema_describes_what_is_written() {
    let schema: Value =
        serde_json::from_str(include_str!("../../../../docs/reference/policy.schema.json")).unwrap();
    let waiver = &schema["$defs"]["waiver"];
    let written = serde_json::to_value(policy()).unwrap();
    let least = RelayPolicy { revoked: Vec::new(), links: BTreeMap::new(), ..policy() };
    let mut least = serde_json::to_value(least).unwrap();
    least["waivers"][0].as_object_mut().unwrap().remove("url");
    let keys = |value: &Value| sorted(value.as_object().unwrap().keys().map(String::as_str));
    let names = |list: &Value| sorted(list.as_array().unwrap().iter().filter_map(Value::as_str));
    assert_eq!(keys(&schema["properties"]), keys(&written));
    assert_eq!(keys(&waiver["properties"]), keys(&written["waivers"][0]));
    assert_eq!(names(&schema["required"]), keys(&least));
    assert_eq!(names(&waiver["required"]), keys(&least["waivers"][0]));
    for (name, rule) in waiver["properties"].as_object().unwrap() {
        let is_print = rule["$ref"] == "#/$defs/fingerprint";
        assert_eq!(is_print, name.ends_with("sha256"), "{name}");
        assert!(is_print || rule["type"] == "string" && written["waivers"][0][name].is_string(), "{name}");
        assert!(rule["description"].is_string(), "{name}");
    }
    assert_eq!(schema["$defs"]["fingerprint"]["pattern"], "^[0-9a-f]{64}$");
}

fn sorted<'a>(names: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut names: Vec<String> = names.map(str::to_owned).collect();
    names.sort();
    names
}

#[test]
fn keys() {
    assert_eq!(key().public().to_string(), PUBLIC);
    assert_eq!(PUBLIC.parse::<PolicyPublicKey>(), Ok(key().public()));
    assert_eq!(format!("{:?}", key()), format!("PolicyKey(of {PUBLIC})"), "it does not show itself");
    for text in ["", "AAAA", &PUBLIC[1..], &format!("{PUBLIC}="), &format!("{PUBLIC}A"), "not base64!"] {
        assert!(PolicyKey::parse(text).is_err() && text.parse::<PolicyPublicKey>().is_err(), "{text:?}");
    }
    assert_eq!(
        PolicyKey::parse("").unwrap_err().to_string(),
        "it is no key for policies: one is 43 characters of base64url without padding, which stand for 32 bytes"
    );
}

#[test]
fn openssl_verifies_the_signature() {
    if !servers::require(openssl::available()) {
        return;
    }
    let envelope = signed();
    let member = |name: &str| envelope[name].as_str().unwrap();
    let message = format!("{}.{}", member("protected"), member("payload"));
    let public: [u8; 32] = BASE64.decode(PUBLIC).unwrap().try_into().unwrap();
    let signature = BASE64.decode(member("signature")).unwrap();
    assert!(openssl::verifies_ed25519(&public, message.as_bytes(), &signature));
    assert!(!openssl::verifies_ed25519(&public, &message.as_bytes()[1..], &signature));
}

#[test]
fn only_known_keys_sign() {
    let envelope = signed().to_string();
    let (own, other) = (key().public(), PolicyKey::parse(PUBLIC).unwrap().public());
    let open = |keys: &[PolicyPublicKey]| SignedPolicy::open(envelope.as_bytes(), keys);
    assert_eq!(
        open(&[other, own]),
        Ok(policy()),
        "a key that is about to be replaced is known beside the next"
    );
    assert_eq!(open(&[other]), Err(PolicyError::OtherKey(1)));
    assert_eq!(open(&[]), Err(PolicyError::OtherKey(0)));
}

#[test]
fn other_signed_things_are_no_policies() {
    let payload = serde_json::to_string(&policy()).unwrap();
    let with = |header: &str| open(&forged_by_ourselves(header, &payload));
    assert_eq!(with(HEADER), Ok(policy()));
    for header in [
        r#"{"alg":"none","typ":"mainstay-policy+json"}"#,
        r#"{"alg":"HS256","typ":"mainstay-policy+json"}"#,
        r#"{"alg":"EdDSA"}"#,
        r#"{"alg":"EdDSA","typ":"JWT"}"#,
        r#"{"alg":"EdDSA","typ":"mainstay-policy+json","crit":["b64"],"b64":false}"#,
        r#"{"alg":"none","alg":"EdDSA","typ":"mainstay-policy+json"}"#,
        "",
    ] {
        assert_eq!(with(header), Err(PolicyError::OtherHeader), "{header}");
    }
    let other = open(&forged_by_ourselves(HEADER, r#"{"waivers":[]}"#));
    assert!(matches!(other, Err(PolicyError::NoPolicy(_))), "{other:?}");
}

/// A policy comes over a network or lies in a file: whatever single character of it is changed, it is that policy or none.
#[test]
fn no_flipped_byte_is_taken() {
    let envelope = signed().to_string();
    let mut refused = 0;
    for at in 0..envelope.len() {
        let mut bytes = envelope.clone().into_bytes();
        bytes[at] ^= 0x15;
        match SignedPolicy::open(&bytes, &[key().public()]) {
            Ok(taken) => assert_eq!(taken, policy(), "byte {at}"),
            Err(_) => refused += 1,
        }
    }
    assert_eq!(refused, envelope.len());
}

#[test]
fn what_is_no_envelope() {
    let says = |bytes: &[u8], expected: &str| {
        let error = SignedPolicy::open(bytes, &[key().public()]).unwrap_err();
        assert_eq!(error.to_string(), expected);
    };
    says(
        b"<html>",
        "what was read is no signed policy (expected value at line 1 column 1); look at what the address or file really gives",
    );
    says(
        &vec![b' '; MAX_POLICY_BYTES + 1],
        "the policy has 1048577 bytes, more than the 1048576 that are read",
    );
    let mut padded = signed();
    padded["signature"] = json!(format!("{}==", padded["signature"].as_str().unwrap()));
    assert!(matches!(open(&padded), Err(PolicyError::NoEnvelope(_))));
}
