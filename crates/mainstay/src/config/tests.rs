use std::io;
use std::path::Path;

use mainstay_model::{MailSecurity, Random, Severity};

use super::*;

/// Every section, every place where a secret can stand: literally, from the environment and from a file.
const FULL: &str = include_str!("../../tests/testdata/config/full.yaml");
/// A text that stands for every secret; where it can be seen, a secret can be.
const MARK: &str = "hunter2";

fn parse_with(text: &str, env: &dyn Fn(&str) -> Option<String>) -> Result<Loaded, Problems> {
    let read = |path: &Path| match path.to_str() {
        Some("ca.pem") => Ok(include_bytes!("../../tests/testdata/config/ca.pem").to_vec()),
        Some("secret.txt") => Ok(b"hunter2/from file\r\n".to_vec()),
        _ => Err(io::ErrorKind::NotFound.into()),
    };
    parse(text, &Surroundings { file: Path::new("mainstay.yaml"), env, read: &read })
}

fn parse_text(text: &str) -> Result<Loaded, Problems> {
    let value = |name: &str| match name {
        "UNSET" => None,
        name if name.ends_with("_URL") => Some(format!("https://hooks.example.com/{MARK}")),
        _ => Some(format!("{MARK}@:/%")),
    };
    parse_with(text, &value)
}

pub(super) fn loads(text: &str) -> Loaded {
    parse_text(text).unwrap_or_else(|problems| panic!("{problems}"))
}

#[track_caller]
pub(super) fn refuses(text: &str, message: &str) {
    let problems = parse_text(text).expect_err("a refusal").to_string();
    assert!(problems.contains(message), "{problems}");
}

#[test]
fn defaults_fill_an_almost_empty_file() {
    let loaded = loads("dependencies: { site: { url: https://example.com, every: 5s } }");
    assert_eq!(loaded.server.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(loaded.server.public_url, "http://127.0.0.1:8080");
    assert_eq!(loaded.landscape.status_page.public_url, "http://127.0.0.1:8081");
    assert_eq!(loaded.server.retention.raw, Duration::from_secs(14 * 86_400));
    let site = &loaded.landscape.dependencies["site"];
    assert_eq!(site.timeout, Duration::from_secs(5), "no longer than `every`");
    assert_eq!(site.confirm, mainstay_model::Confirmation::default());
}

#[test]
fn everything_can_be_said() {
    let loaded = loads(FULL);
    let landscape = &loaded.landscape;
    let orders = &landscape.dependencies["orders-db"];
    let password = orders.target.credentials.as_ref().and_then(|c| c.password.as_ref());
    assert_eq!(password.map(Secret::expose), Some("hunter2@:/%"), "any characters, as they are");
    assert_eq!(orders.slow, Some(Duration::from_millis(500)));
    assert_eq!(orders.confirm.of, 5);
    assert_eq!(landscape.routes[0].when.severity, [Severity::Page]);
    let mail = landscape.mail.as_ref().unwrap();
    let login = mail.login.as_ref().map(|(user, password)| (user.as_str(), password.expose()));
    assert_eq!(
        (mail.port, mail.security, login),
        (465, MailSecurity::Tls, Some(("user@example.com", "hunter2/x")))
    );
    assert_eq!(landscape.references.len(), 2);
    assert_eq!(landscape.operator_url, "https://ops.example.com");
    let cache = &landscape.dependencies["cache"].target;
    let password = cache.credentials.as_ref().and_then(|c| c.password.as_ref());
    assert_eq!(password.map(Secret::expose), Some("hunter2/from file"));
    assert!(!format!("{loaded:?}").contains(MARK), "nothing that is printed shows a secret");
}

#[test]
fn people_and_schedules() {
    let landscape = loads(FULL).landscape;
    let anna = &landscape.people["anna"];
    assert_eq!(anna.channels.iter().map(|name| name.as_str()).collect::<Vec<_>>(), ["oncall-mail", "bot"]);
    let platform = &landscape.schedules["platform"];
    let at = |local: &str| mainstay_model::moment(&platform.timezone, local.parse().unwrap()).unwrap();
    let [turns, office] = platform.layers.as_slice() else { panic!("two layers") };
    assert_eq!(turns.start.to_string(), "2026-01-05T09:00:00");
    assert_eq!(turns.rotation.plain_days(), Some(7));
    assert_eq!(office.rotation.to_string(), "FREQ=MONTHLY;BYDAY=2TU");
    let hours = office.restriction.unwrap();
    assert!(
        hours.days.contains(jiff::civil::Weekday::Friday)
            && !hours.days.contains(jiff::civil::Weekday::Sunday)
    );
    let [holiday] = platform.overrides.as_slice() else { panic!("one override") };
    assert_eq!((holiday.from, holiday.until), (at("2026-08-01T09:00"), at("2026-08-08T09:00")));
    assert_eq!(loads("dependencies: {}").landscape.gap_warning, mainstay_model::GapWarning::default());
}

#[test]
fn days_without_hours_are_whole_days() {
    let text = "channels: { c: { slack: 'https://h/x' } }\npeople: { anna: { channels: c } }\n\
                schedules: { s: { timezone: UTC, layers: { people: anna, start: 2026-01-05, days: [Saturday, sun] } } }";
    let landscape = loads(text).landscape;
    let layer = &landscape.schedules["s"].layers[0];
    let midnight = jiff::civil::Time::midnight();
    let hours = layer.restriction.unwrap();
    assert_eq!((hours.from, hours.until), (midnight, midnight));
    assert_eq!(
        layer.start.to_string(),
        "2026-01-05T09:00:00",
        "hand-overs are at nine unless it is said otherwise"
    );
}

#[test]
fn a_token_in_the_path_or_the_user_of_a_web_address_is_not_shown() {
    for url in ["https://example.com/${TOKEN}/ping", "https://${TOKEN}@example.com/ping", "${HOOK_URL}"] {
        let loaded = loads(&format!("dependencies: {{ hook: {{ url: \"{url}\" }} }}"));
        let target = &loaded.landscape.dependencies["hook"].target;
        assert!(target.to_string().ends_with("example.com/..."), "{target}");
        assert!(!format!("{loaded:?}").contains(MARK), "{loaded:?}");
    }
    let literal = loads("dependencies: { site: { url: https://example.com/health } }");
    assert_eq!(literal.landscape.dependencies["site"].target.to_string(), "https://example.com/health");
}

#[test]
fn mail_servers() {
    #[track_caller]
    fn mail(url: &str, port: u16, security: MailSecurity) {
        let loaded = loads(&format!("mail: {{ smtp: \"{url}\", from: a@b.example }}"));
        let mail = loaded.landscape.mail.unwrap();
        assert_eq!((mail.port, mail.security), (port, security), "{url}");
    }
    mail("smtps://smtp.example.com", 465, MailSecurity::Tls);
    mail("smtp://smtp.example.com", 587, MailSecurity::StartTls);
    mail("smtp://smtp.example.com:25", 25, MailSecurity::StartTls);
    mail("smtp://localhost", 25, MailSecurity::Plaintext);
    mail("smtp://127.0.0.2:1025", 1025, MailSecurity::Plaintext);
    mail("smtp://[::1]", 25, MailSecurity::Plaintext);
}

#[test]
fn who_names_roots_for_the_mail_server_gets_tls_also_on_this_machine() {
    let loaded = loads("mail: { smtp: \"smtp://localhost\", from: a@b.example, ca_file: ca.pem }");
    assert_eq!(loaded.landscape.mail.unwrap().security, MailSecurity::StartTls);
}

#[test]
fn routes_lead_to_channels_people_and_schedules() {
    use mainstay_model::{Manner, QuietTime, Recipient};
    let landscape = loads(FULL).landscape;
    let office = landscape.routes.last().unwrap();
    assert_eq!(office.when.tags, ["eu"]);
    assert_eq!(office.escalate.as_ref().map(|name| name.as_str()), Some("platform-team"));
    assert!(office.is_last && office.during.is_some());
    assert_eq!((office.routes[0].manner, office.routes[1].manner), (Manner::Digest, Manner::Mute));
    let team = &landscape.escalations["platform-team"];
    assert_eq!((team.steps.len(), team.repeat), (2, 1));
    assert_eq!(team.steps[0].to, [Recipient::Schedule("platform".parse().unwrap())]);
    assert_eq!(team.steps[0].wait, Duration::from_secs(300));
    let [person, channel] = team.steps[1].to.as_slice() else { panic!("{:?}", team.steps[1].to) };
    assert_eq!(person, &Recipient::Person("ben".parse().unwrap()));
    assert_eq!(channel, &Recipient::Channel("slack".parse().unwrap()));
    assert_eq!(landscape.fallback, [Recipient::Channel("bot".parse().unwrap())]);
    let [disks, reboot, known] = landscape.quiets.as_slice() else { panic!("{:?}", landscape.quiets) };
    let QuietTime::Once { from: Some(from), until: Some(_) } = disks.when else { panic!("{disks:?}") };
    assert_eq!(from.to_string(), "2026-08-01T20:00:00Z", "a wall clock in Berlin");
    assert!(matches!(&reboot.when, QuietTime::Recurring { length, .. } if length.as_secs() == 7200));
    assert_eq!(known.what.dependency[0].as_str(), "cache");
    assert_eq!(landscape.digest_at.at.to_string(), "08:30:00");
}

#[test]
fn all_errors_are_told_at_once_in_the_order_of_the_file() {
    let text = "server: { listn: x }\nproviders: { a: { sla: 101 } }\ndependencies:\n  x: { every: 30 }\n  y: { url: foo }\n\
                components: [a]\nchannels: { c: {} }\nroutes: { to: nobody }\nmail: {}\nstatus_page: { auto_publish: ja }\n";
    let Problems(problems) = parse_text(text).unwrap_err();
    let lines: Vec<usize> = problems.iter().map(|problem| problem.at.as_ref().unwrap().line).collect();
    // Line 4 has two, a missing url and a bad interval; line 9 lacks two keys.
    assert_eq!(lines, [1, 2, 4, 4, 5, 6, 7, 8, 9, 9, 10], "{problems:#?}");
}

#[test]
fn an_alias_is_told_once() {
    let text = "x-d: &d { every: 30 }\ndependencies:\n  a: { <<: *d, url: tcp://h:1 }\n  b: { <<: *d, url: tcp://h:2 }\n";
    assert_eq!(parse_text(text).unwrap_err().0.len(), 1);
}

#[test]
fn a_flood_of_errors_is_cut_off() {
    let text: String = (0..5_000).map(|at| format!("k{at}: 1\n")).collect();
    let Problems(problems) = parse_text(&text).unwrap_err();
    assert_eq!(problems.len(), MOST_PROBLEMS);
    assert!(problems.last().unwrap().message.ends_with("(and 4000 more problems after it)"));
}

#[test]
fn a_minified_file_is_shown_in_part_and_in_time() {
    let one = |at: usize| format!("\"d{at}\":{{\"url\":\"postgres://ü:{MARK}@h{at}/x\",\"evry\":\"30s\"}}");
    let many: Vec<String> = (0..10_000).map(one).collect();
    let text = format!("{{\"dependencies\":{{{}}}}}", many.join(","));
    let rendered = parse_text(&text).unwrap_err().to_string();
    assert!(!rendered.contains(MARK));
    assert!(rendered.lines().all(|line| line.chars().count() < 320), "long lines are cut");
}

#[test]
fn variables() {
    refuses("server: { public_url: \"${UNSET}\" }", "the environment variable UNSET is not set");
    refuses("server: { public_url: \"${a-b}\" }", "`${a-b}` is not a variable");
    refuses("server: { public_url: \"${A\" }", "`${` has no `}`");
    refuses("server: { public_url: \"${file:nope}\" }", "cannot read nope: there is no such file");
    refuses("server: { listen: \"${A}\" }", "`listen` cannot be what `${A}` stands for");
    let loaded = loads("status_page: { title: a $$ b $c }");
    assert_eq!(loaded.landscape.status_page.title, "a $ b $c");
    let empty = parse_with("status_page: { title: \"x${A}\" }", &|_| Some(String::new())).unwrap();
    let told = |problem: &Problem| problem.message == "the environment variable A is empty";
    assert!(empty.warnings.iter().any(told), "{:?}", empty.warnings);
}

/// Damages the file at every place in and before a line with a secret, and at every third elsewhere. Whatever is then told, no
/// secret is.
#[test]
fn no_problem_shows_a_secret() {
    let patches = ["", "x", "'", "{", "\n", ": ", "!"];
    let holds_secret = |at: usize| {
        let begin = FULL[..at].rfind('\n').map_or(0, |end| end + 1);
        let lines = FULL[begin..].lines();
        lines.take(2).any(|line| line.contains(MARK))
    };
    for (at, c) in FULL.char_indices().filter(|(at, _)| at % 3 == 0 || holds_secret(*at)) {
        let patch = patches[at % patches.len()];
        let deleted = if patch.is_empty() { c.len_utf8() } else { 0 };
        let text = format!("{}{patch}{}", &FULL[..at], &FULL[at + deleted..]);
        let Err(problems) = parse_text(&text) else { continue };
        let shown = format!("{problems}{}", serde_json::to_string(&problems.0).unwrap());
        assert!(!shown.contains(MARK), "{patch:?} at {at} shows a secret:\n{problems}");
    }
}

#[test]
fn no_text_makes_it_panic() {
    let mut random = Random::seeded(7);
    let pieces = [
        "{",
        "}",
        "[",
        "]",
        ":",
        " ",
        "\n",
        "  ",
        "\t",
        "- ",
        "&a ",
        "*a",
        "<<",
        "|",
        ">",
        "\"",
        "'",
        "$",
        "${",
        "日",
        "\u{0}",
        "@",
        "://",
        "%",
        "#",
        "---",
        "!",
        "url",
        "server",
        "dependencies",
        "x",
    ];
    for _ in 0..20_000 {
        let mut text = String::new();
        for _ in 0..random.next_u64() % 24 {
            let at = usize::try_from(random.next_u64()).unwrap_or(0) % pieces.len();
            text.push_str(pieces[at]);
        }
        let _ = parse_text(&text).map_err(|problems| problems.to_string());
    }
}

#[test]
fn every_default_and_example_can_be_read() {
    fn walk(section: &'static shape::Section) {
        for field in section.fields() {
            assert!(field.doc.trim().ends_with('.'), "{} is documented in sentences", field.key);
            if let shape::Form::Section(inner)
            | shape::Form::Names(shape::Form::Section(inner))
            | shape::Form::OneOrMany(shape::Form::Section(inner)) = field.form
                && !inner.is(section)
            {
                walk(inner);
            }
        }
    }
    walk(Root::SECTION);
    loads("dependencies: { a: { url: rediss://h, relay: { listen: 127.0.0.1:1 } } }");
}

#[test]
fn a_relay_has_something_to_verify_and_a_leg_that_nobody_listens_in_on() {
    let of =
        |url: &str, relay: &str| format!("dependencies: {{ a: {{ url: {url}, relay: {{ {relay} }} }} }}");
    let loopback = "listen: [127.0.0.1:1, \"[::1]:1\", /run/a.sock]";
    for url in ["postgres://h/x", "mysql://h", "rediss://h", "tls://h:7000", "https://h", "smtps://h"] {
        loads(&of(url, loopback));
    }
    for url in
        ["tcp://h:1", "redis://h", "http://h", "postgres://h/x?sslmode=disable", "smtp://h", "file:a.pem"]
    {
        refuses(&of(url, loopback), "there can be no relay in front of `a`");
    }
    refuses(&of("mysql://h", "listen: 0.0.0.0:1"), "other machines could reach this relay");
    loads(&of("mysql://h", "listen: 192.0.2.1:1, tls: {}"));
    loads(&of("mysql://h", "listen: 192.0.2.1:1, plaintext_from_network: true"));
    refuses(&of("mysql://h", "listen: 127.0.0.1:1, allow: 10.0.0.0/40"), "`allow` cannot be");
    refuses(&of("mysql://h", "listen: localhost"), "`listen` cannot be");
    refuses(&of("mysql://h", "listen: []"), "this relay listens nowhere");
}

#[test]
fn blanks_of_a_secret_are_kept() {
    let text = "channels: { bot: { webhook: https://h/x, secret: \"${HOOK}\" } }\nstatus_page: { title: \"${TITLE}\" }";
    let loaded = parse_with(text, &|_| Some(" a b \t".into())).unwrap();
    let mainstay_model::ChannelKind::Webhook { secret: Some(secret), .. } =
        &loaded.landscape.channels.values().next().unwrap().kind
    else {
        panic!("a webhook with its secret");
    };
    assert_eq!(secret.expose(), " a b \t");
    assert_eq!(loaded.landscape.status_page.title, "a b");
}

#[test]
fn files_that_are_no_text() {
    assert_eq!(decode(b"\xff\xfea\0").unwrap_err().0, "the file is in UTF-16");
    assert_eq!(decode(b"a: b\nc: \xe9\n").unwrap_err().0, "the file is not text in UTF-8: see line 2");
    refuses("a: b\0", "the character \\u{0} cannot stand here");
    refuses("", "the configuration is empty");
    refuses("# only a comment\n", "the configuration is empty");
    refuses("just words", "the configuration takes keys of its own");
    loads("\u{feff}status_page: { title: x }\n");
    loads("{\"status_page\": {\"title\": \"x\"}}");
}

#[test]
fn a_hundred_thousand_dependencies() {
    let mut text = String::from("dependencies:\n");
    for at in 0..100_000 {
        text.push_str(&format!("  d{at}:\n    url: tls://h{at}.example.com\n    every: 60s\n"));
    }
    assert_eq!(loads(&text).landscape.dependencies.len(), 100_000);
}

#[test]
fn where_the_data_is_can_be_read_without_the_secrets_of_the_server() {
    let folder = std::env::temp_dir().join(format!("mainstay-data-dir-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("mainstay.yaml");
    let text = "server: { data_dir: ./kept }\nchannels: { bot: { webhook: \"${UNSET}\" } }\n";
    std::fs::write(&file, text).unwrap();
    assert!(load(&file, &|_| None).is_err(), "the server itself needs the secret");
    assert_eq!(data_dir(&file, &|_| None).unwrap(), folder.join("./kept"));
    std::fs::write(&file, "server: [").unwrap();
    assert!(data_dir(&file, &|_| None).is_err());
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn a_runbook_is_taken_with_placeholders_that_stand_for_something() {
    let of = |runbook: &str| {
        format!("dependencies: {{ site: {{ url: https://example.com, runbook: \"{runbook}\" }} }}")
    };
    let loaded = loads(&of("# Call {{ provider.contacts }}"));
    let runbook = loaded.landscape.dependencies["site"].runbook.as_ref();
    assert_eq!(runbook.map(mainstay_model::Runbook::as_str), Some("# Call {{ provider.contacts }}"));
    refuses(&of("Call {{provider.contact}}"), "{{provider.contacts}}?");
    refuses(&of("{{x}}"), "a placeholder in it stands for nothing; known are dependency.name,");
    refuses(&of("Call {{provider.name"), "a placeholder that begins with {{ needs }} at its end");
}
