use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use mainstay_testkit::wait_for;

use super::hook::{Hook, Told, time};
use super::switch::Switch;
use crate::instance::{Home, PATIENCE, now};

/// A small file system in memory, unmounted when it is dropped.
struct SmallDisk(PathBuf);

impl SmallDisk {
    /// `None` where mounting is not allowed.
    fn mount(at: PathBuf) -> Option<SmallDisk> {
        fs::create_dir(&at).expect("a new directory");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=8m", "mainstay-test"]).arg(&at);
        let mounted = mount.output().is_ok_and(|output| output.status.success());
        mounted.then(|| SmallDisk(at))
    }

    /// Takes all the room that is left.
    fn fill(&self) -> PathBuf {
        let path = self.0.join("somebody-elses-file");
        let mut file = File::create(&path).expect("there is room for a name");
        for size in [64 * 1024, 512] {
            while file.write_all(&vec![0; size]).is_ok() {}
        }
        path
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

/// While nothing can be written, something breaks and mends. Afterwards both are told, as if they had been written at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_is_shown_and_loses_nothing() {
    let home = Home::new();
    let Some(disk) = SmallDisk::mount(home.path("data")) else {
        eprintln!("skipped: no file system can be mounted here (run the tests as root)");
        return;
    };
    let hook = Hook::start().await;
    let (mut breaks, beside) = (Switch::on().await, Switch::on().await);
    let dependencies = [breaks.dependency("breaks"), beside.dependency("beside")].concat();
    home.configure(&format!("dependencies:\n{dependencies}{}", hook.configuration()));
    let instance = home.serve().await;
    home.verdict("breaks", "healthy").await;

    let filler = disk.fill();
    readiness(&home, 503).await;
    breaks.turn_off().await;
    let broken = now();
    some_checks(&beside).await;
    breaks.turn_on().await;
    some_checks(&breaks).await;
    assert_eq!(hook.told().len(), 0, "nobody is told what is not written");
    let mended = now();

    fs::remove_file(filler).expect("it was just made");
    let told = hook.wait("the message about the break", |told| told.says("incident.opened", "breaks")).await;
    let since = time(&told.incident()["since"]);
    assert!(broken <= since && since <= mended, "{since} is not between {broken} and {mended}");
    hook.wait("the end", |told| told.says("incident.resolved", "breaks")).await;
    let gap = |told: &Told| told.body.to_string().contains("could not write");
    let gap = hook.wait("the message about the gap", gap).await;
    assert!(gap.body.to_string().contains("no room left"), "{gap:#?}");
    readiness(&home, 200).await;
    assert_logged_once(&instance.log());
    assert_kept(&home).await;
    // The one is killed before the other is taken away from under it.
    drop(instance);
    drop(disk);
}

async fn readiness(home: &Home, status: u16) {
    wait_for(&format!("the readiness to be {status}"), PATIENCE, async || {
        let (now, text) = home.readiness().await?;
        assert!(now == 200 || text.contains("the store cannot be written"), "{text}");
        (now == status).then_some(())
    })
    .await;
}

/// Waits for three checks; whatever else is checked every second was checked meanwhile too.
async fn some_checks(switch: &Switch) {
    let before = switch.accepted();
    wait_for("three checks", PATIENCE, async || (switch.accepted() >= before + 3).then_some(())).await;
}

/// Other tasks may complain of the disk as well, each in its own words.
fn assert_logged_once(log: &str) {
    let lines: Vec<&str> =
        log.lines().filter(|line| line.contains("what was seen cannot be written")).collect();
    assert_eq!(lines.len(), 1, "{log}");
    assert!(lines[0].contains("no room left") && lines[0].contains("free some space"), "{}", lines[0]);
    assert_eq!(lines[0].matches("disk is full").count(), 1, "each reason once: {}", lines[0]);
}

/// What was seen while nothing could be written is in the database, and the database is whole.
async fn assert_kept(home: &Home) {
    let incidents = home.incidents().await;
    let one = incidents
        .iter()
        .find(|one| one["dependencies"][0] == "breaks")
        .expect("the incident about the break");
    let kinds: Vec<&str> =
        one["timeline"].as_array().expect("a list").iter().filter_map(|e| e["kind"].as_str()).collect();
    for kind in ["opened", "told", "alert-ended", "resolved"] {
        assert!(kinds.contains(&kind), "{kind} is missing: {kinds:?}");
    }
    let copy = home.path("copy.db");
    backup(home, &copy);
}

fn backup(home: &Home, to: &Path) {
    let done = home.command("backup").arg(to).output().expect("the program was built with the test");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}
