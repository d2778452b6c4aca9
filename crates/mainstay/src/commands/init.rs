mod naming;
mod template;

use std::collections::BTreeSet;
use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::ops::Range;
use std::path::Path;
use std::process::ExitCode;

use clap::Args;
use mainstay_model::{Target, is_secret_parameter};

use naming::{provider_of, sensible_name, unique, variable_name};
use template::{Planned, Variable};

/// Write a first configuration.
#[derive(Debug, Args)]
pub(crate) struct Init {
    /// URLs to watch, as your application has them. Passwords are left out of the file: it names variables for them.
    #[arg(value_name = "TARGET")]
    targets: Vec<String>,
    /// Overwrite the file if it is there.
    #[arg(long)]
    force: bool,
}

impl Init {
    pub(crate) fn run(self, file: &Path) -> ExitCode {
        let (text, is_error) =
            match plan(&self.targets).and_then(|plan| self.write(file, &plan).map(|()| plan)) {
                Ok(plan) => (next_steps(file, &plan), false),
                Err(faults) => (faults.iter().map(|fault| format!("error: {fault}\n")).collect(), true),
            };
        let written = match is_error {
            true => io::stderr().lock().write_all(text.as_bytes()),
            false => io::stdout().lock().write_all(text.as_bytes()),
        };
        if is_error || written.is_err() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
    }

    fn write(&self, file: &Path, plan: &[Planned]) -> Result<(), Vec<String>> {
        let mut options = OpenOptions::new();
        options.write(true).truncate(true);
        let options = if self.force { options.create(true) } else { options.create_new(true) };
        let written =
            options.open(file).and_then(|mut opened| opened.write_all(template::render(plan).as_bytes()));
        written.map_err(|error| vec![unwritten(file, &error)])
    }
}

fn unwritten(file: &Path, error: &io::Error) -> String {
    let shown = file.display();
    match error.kind() {
        io::ErrorKind::AlreadyExists => format!(
            "{shown} is there already and was left as it is; overwrite it with --force, or write another file with --config FILE"
        ),
        io::ErrorKind::NotFound => format!("the folder of {shown} does not exist; make it first"),
        _ => format!("cannot write {shown}: {error}"),
    }
}

/// What the file will hold, or why one of the targets cannot be watched.
fn plan(targets: &[String]) -> Result<Vec<Planned>, Vec<String>> {
    let (mut plan, mut faults, mut taken) = (Vec::new(), Vec::new(), BTreeSet::new());
    for text in targets {
        match Target::parse(text) {
            Ok(target) => {
                let name = unique(sensible_name(&target), &mut taken);
                plan.push(planned(name, text.trim(), target));
            }
            Err(error) => faults.push(error.to_string()),
        }
    }
    if faults.is_empty() { Ok(plan) } else { Err(faults) }
}

/// One dependency of the file, with a variable in the place of its password.
fn planned(name: String, text: &str, target: Target) -> Planned {
    let variable = variable_name(&name);
    let (url, replaced) = without_password(text, &variable);
    let user = target.credentials.as_ref().map(|credentials| credentials.user.clone()).unwrap_or_default();
    let of = if user.is_empty() { target.to_string() } else { format!("{user} at {}", target.host) };
    Planned {
        provider: provider_of(&target),
        variable: replaced.then_some(Variable { name: variable, of }),
        name,
        url,
    }
}

/// The URL with `${VARIABLE}` in place of its password, and whether it had one to replace.
fn without_password(text: &str, variable: &str) -> (String, bool) {
    let secrets = secrets(text);
    let mut url = String::new();
    let mut from = 0;
    for secret in &secrets {
        url.push_str(&escaped(&text[from..secret.start]));
        url.push_str(&format!("${{{variable}}}"));
        from = secret.end;
    }
    url.push_str(&escaped(&text[from..]));
    (url, !secrets.is_empty())
}

/// Where the password of a URL stands, and its parameters that are secrets. What already is a variable is none.
fn secrets(text: &str) -> Vec<Range<usize>> {
    let Some(scheme) = text.find("://") else { return Vec::new() };
    let start = scheme + 3;
    let authority = &text[start..start + text[start..].find(['/', '?', '#']).unwrap_or(text.len() - start)];
    let password = authority.rfind('@').and_then(|end| {
        let colon = authority[..end].find(':')?;
        Some(start + colon + 1..start + end)
    });
    let mut found: Vec<Range<usize>> = password.into_iter().collect();
    if let Some(query) = text[start..].find('?') {
        let end = text.find('#').unwrap_or(text.len());
        let mut at = start + query + 1;
        for pair in text.get(at..end).unwrap_or("").split('&') {
            if let Some((name, _)) = pair.split_once('=').filter(|(name, _)| is_secret_parameter(name)) {
                found.push(at + name.len() + 1..at + pair.len());
            }
            at += pair.len() + 1;
        }
    }
    found.retain(|range| !range.is_empty() && !text[range.clone()].starts_with("${"));
    found
}

/// Dollar signs of a URL stand for themselves, unless the user wrote a variable.
fn escaped(text: &str) -> String {
    text.replace('$', "$$").replace("$${", "${")
}

fn next_steps(file: &Path, plan: &[Planned]) -> String {
    let config = match file == Path::new("mainstay.yaml") {
        true => String::new(),
        false => format!(" --config {}", file.display()),
    };
    let mut steps = Vec::new();
    let variables: Vec<String> = plan
        .iter()
        .filter_map(|planned| planned.variable.as_ref())
        .map(|Variable { name, of }| format!("\n       {name}   the password of {of}, as it is"))
        .collect();
    if !variables.is_empty() {
        steps.push(format!("Set the environment variables that the file names:{}", variables.concat()));
    }
    let first = plan.first().map_or("example", |planned| planned.name.as_str());
    let commands = [
        (format!("mainstay config check{config}"), "is the file in order?"),
        (format!("mainstay check {first}{config}"), "check a dependency once"),
        (format!("mainstay serve{config}"), "watch, and show it at http://127.0.0.1:8080"),
    ];
    let width = commands.iter().map(|(command, _)| command.len()).max().unwrap_or(0);
    steps.extend(commands.map(|(command, does)| format!("{command:width$}   {does}")));
    steps.push("Say in the file who is to be told: `channels` and `routes` wait for that.".into());
    let list: String = steps.iter().enumerate().map(|(at, step)| format!("  {}. {step}\n", at + 1)).collect();
    format!("Wrote {}.\n\nNext:\n{list}", file.display())
}

#[cfg(test)]
mod tests;
