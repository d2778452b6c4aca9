use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The folder of the workspace.
fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// An empty folder for one test.
fn scratch(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// Runs the program in a folder, with only these variables set.
fn mainstay(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_mainstay"))
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .envs([("SECRET_WORD", "hunter2"), ("EMPTY", "")])
        .envs(
            [
                "ORDERS_DB_PASSWORD",
                "REPORTS_DB_PASSWORD",
                "SESSIONS_PASSWORD",
                "SMTP_PASSWORD",
                "HOOK_SECRET",
            ]
            .map(|name| (name, "hunter2@:/%")),
        )
        .envs(["DISCORD_WEBHOOK", "SLACK_WEBHOOK"].map(|name| (name, "https://hooks.example.com/hunter2")))
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn testdata(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/testdata/config").join(folder)
}

/// The YAML files of a folder, in order.
fn files(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.filter(|name| name.ends_with(".yaml")).collect();
    names.sort();
    assert!(!names.is_empty());
    names
}

/// Compares what is said about each file of a folder with what is recorded beside it.
/// After an intended change: `INSTA_UPDATE=always cargo test -p mainstay --test it config`.
fn compare(folder: &str, code: i32) {
    for name in files(&testdata(folder)) {
        let output = mainstay(&testdata(folder), &["config", "check", "--config", &name]);
        let said = format!("{}{}", text(&output.stderr), text(&output.stdout));
        assert!(!said.contains("hunter2") && !said.contains("ter2"), "{name} shows a secret:\n{said}");
        assert_eq!(output.status.code(), Some(code), "{name}: {said}");
        insta::with_settings!({
            snapshot_path => testdata(folder),
            prepend_module_to_snapshot => false,
            omit_expression => true,
        }, {
            insta::assert_snapshot!(name.trim_end_matches(".yaml"), said);
        });
    }
}

#[test]
fn every_refusal_says_what_where_and_how_to_mend_it() {
    compare("refused", 1);
}

#[test]
fn warnings_leave_the_configuration_usable() {
    compare("warned", 0);
}

#[test]
fn ten_errors_are_told_at_once() {
    let arguments = ["config", "check", "--output", "json", "--config", "ten-errors.yaml"];
    let output = mainstay(&testdata("refused"), &arguments);
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answer["valid"], false);
    let problems = answer["problems"].as_array().unwrap();
    let errors: Vec<_> = problems.iter().filter(|problem| problem["level"] == "error").collect();
    assert_eq!(errors.len(), 10, "{problems:#?}");
    let first = errors[0];
    assert_eq!((&first["line"], &first["column"], &first["length"]), (&1.into(), &11.into(), &5.into()));
    assert_eq!(first["file"], "ten-errors.yaml");
    assert_eq!(first["text"], "server: { listn: 127.0.0.1:8080 }");
    assert_eq!(first["message"], "unknown key `listn`");
    assert_eq!(first["hint"], "did you mean `listen`?");
}

#[test]
fn no_file_and_a_folder_say_how_to_begin() {
    let folder = scratch("config-none");
    let output = mainstay(&folder, &["config", "check"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("write a first one with `mainstay init`"));
    let output = mainstay(&folder, &["config", "check", "--config", "."]);
    assert!(text(&output.stderr).contains("name the file in it, such as --config ./mainstay.yaml"));
}

#[test]
fn a_pipe_is_refused_and_not_waited_for() {
    let folder = scratch("config-pipe");
    assert!(Command::new("mkfifo").arg(folder.join("pipe")).status().unwrap().success());
    let output = mainstay(&folder, &["config", "check", "--config", "pipe"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("pipe is not an ordinary file"), "{}", text(&output.stderr));
    fs::write(folder.join("mainstay.yaml"), "server: { data_dir: \"${file:pipe}\" }\n").unwrap();
    let output = mainstay(&folder, &["config", "check"]);
    assert!(text(&output.stderr).contains("pipe: it is not an ordinary file"), "{}", text(&output.stderr));
}

#[test]
fn the_examples_are_in_order() {
    let folder = workspace().join("examples");
    for name in files(&folder) {
        let output = mainstay(&folder, &["config", "check", "--config", &name]);
        assert!(output.status.success(), "{}", text(&output.stderr));
    }
    let output = mainstay(&folder, &["config", "check", "--config", "mainstay.yaml"]);
    let said = text(&output.stdout);
    assert!(said.contains("1 dependency of 1 provider, checked every 30s; told by 3 channels"), "{said}");
}

#[test]
fn the_reference_page_is_up_to_date() {
    let printed = text(&mainstay(&workspace(), &["config", "reference"]).stdout);
    let page = fs::read_to_string(workspace().join("docs/reference/configuration.md")).unwrap_or_default();
    assert!(
        printed == page,
        "docs/reference/configuration.md is out of date; run `cargo run -- config reference > docs/reference/configuration.md`"
    );
}

#[test]
fn init_writes_a_valid_file_and_never_over_another() {
    let folder = scratch("config-init");
    let output = mainstay(&folder, &["init", "mysql://monitor:hunter2@eu-west.acme.example/orders"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let said = text(&output.stdout);
    assert!(said.contains("ORDERS_DB_PASSWORD") && !said.contains("hunter2"), "{said}");
    let written = fs::read_to_string(folder.join("mainstay.yaml")).unwrap();
    assert!(!written.contains("hunter2"));
    let check = mainstay(&folder, &["config", "check"]);
    assert!(check.status.success(), "{}", text(&check.stderr));

    let again = mainstay(&folder, &["init"]);
    assert_eq!(again.status.code(), Some(1));
    assert!(text(&again.stderr).contains("is there already and was left as it is"));
    assert_eq!(fs::read_to_string(folder.join("mainstay.yaml")).unwrap(), written);
    assert!(mainstay(&folder, &["init", "--force"]).status.success());
    assert_ne!(fs::read_to_string(folder.join("mainstay.yaml")).unwrap(), written);
}
