use super::*;

fn refusal(text: &str) -> String {
    let mut drafts = Vec::new();
    let outcome = read(text, &mut drafts);
    let draft = outcome.err().or_else(|| drafts.into_iter().next()).expect("a refusal");
    let at = draft.span.start;
    format!("{}:{} {}", at.line, at.column + 1, draft.message)
}

fn keys(text: &str, under: &str) -> Vec<String> {
    let mut drafts = Vec::new();
    let root = read(text, &mut drafts).unwrap_or_else(|draft| panic!("{}", draft.message)).unwrap().root;
    assert!(drafts.is_empty());
    let entry = root.entries().iter().find(|entry| entry.key.text == under).unwrap();
    let show = |entry: &Entry| match &entry.value.value {
        Value::Scalar(text) => format!("{}={text}", entry.key.text),
        other => format!("{}={other:?}", entry.key.text),
    };
    entry.value.entries().iter().map(show).collect()
}

#[test]
fn refusals_name_the_place() {
    assert_eq!(refusal("a: 1\nb: 2\na: 3\n"), "3:1 `a` stands twice: here and in line 1");
    assert_eq!(refusal("a: !exec b"), "1:4 this tag is not known");
    assert_eq!(refusal("? [a]\n: b"), "1:3 a key must be text");
    assert_eq!(refusal("x: &a [1, *a]"), "1:11 this alias stands inside what it repeats");
    assert_eq!(
        refusal("a: b\n---\nc: d\n"),
        "2:1 a second document begins here, and a configuration is one document"
    );
    assert_eq!(refusal("a:\n  <<: 5\n"), "2:7 `<<` takes a mapping, or a list of mappings");
    assert_eq!(refusal("a: [${X}]"), "1:6 a value with `${` lacks its quotes");
    assert_eq!(refusal("a: 'it's'"), "1:8 something stands behind the closing quote");
}

#[test]
fn nesting_and_bombs_are_bounded() {
    assert!(refusal(&"[".repeat(40)).ends_with("nested deeper than 32 levels"));
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for at in 1..20 {
        let uses = vec![format!("*a{}", at - 1); 10].join(", ");
        bomb.push_str(&format!("a{at}: &a{at} [{uses}]\n"));
    }
    assert!(refusal(&bomb).ends_with("more than 4000000 values"), "{}", refusal(&bomb));
}

#[test]
fn merge_keys_yield_to_what_stands_there() {
    let text = "a: &a { x: 1, y: 2 }\nb: &b { y: 3, z: 4 }\nc: { <<: [*a, *b], x: 0 }\nd: { <<: *a, z: 9 }\n";
    assert_eq!(keys(text, "c"), ["x=0", "y=2", "z=4"]);
    assert_eq!(keys(text, "d"), ["z=9", "x=1", "y=2"]);
}

#[test]
fn json_is_yaml() {
    assert_eq!(keys("{\"a\": {\"b\": \"c\", \"d\": 5}}", "a"), ["b=c", "d=5"]);
}
