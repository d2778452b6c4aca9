use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};

use crate::commands;

/// Watches the services you depend on but do not run, and tells you before they break.
#[derive(Debug, Parser)]
#[command(name = "mainstay", version, max_term_width = 100)]
struct Cli {
    /// The configuration file.
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        env = "MAINSTAY_CONFIG",
        default_value = "mainstay.yaml"
    )]
    config: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Check(commands::check::Check),
    Serve(commands::serve::Serve),
    Demo(commands::demo::Demo),
    Drill(commands::drill::Drill),
    Config(commands::config::Config),
    Init(commands::init::Init),
    Backup(commands::backup::Backup),
    Rule(commands::rule::Rule),
    OnCall(commands::on_call::OnCall),
    Channel(commands::channel::Channel),
    Incident(commands::incident::Incident),
    Bounce(commands::bounce::Bounce),
    Rehearse(commands::rehearse::Rehearse),
    Relay(commands::relay::Relay),
    Waive(commands::waive::Waive),
    Waivers(commands::waivers::Waivers),
    Unwaive(commands::unwaive::Unwaive),
    AuditLog(commands::audit_log::AuditLog),
}

/// Runs what the command line says. Wrong usage exits with 3, which monitoring plugins read as "unknown", unless a command says otherwise.
pub(crate) fn run() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // `--help` and `--version` arrive as errors too, on standard output.
            let code = if error.use_stderr() { wrong_usage() } else { 0 };
            let _ = error.print();
            return ExitCode::from(code);
        }
    };
    match cli.command {
        Command::Check(check) => check.run(&cli.config),
        Command::Serve(serve) => serve.run(&cli.config),
        Command::Demo(demo) => demo.run(),
        Command::Drill(drill) => drill.run(&cli.config),
        Command::Config(command) => command.run(&cli.config),
        Command::Init(init) => init.run(&cli.config),
        Command::Backup(backup) => backup.run(&cli.config),
        Command::Rule(rule) => rule.run(&cli.config),
        Command::OnCall(on_call) => on_call.run(&cli.config),
        Command::Channel(channel) => channel.run(&cli.config),
        Command::Incident(incident) => incident.run(&cli.config),
        Command::Bounce(bounce) => bounce.run(&cli.config),
        Command::Rehearse(rehearse) => rehearse.run(&cli.config),
        Command::Relay(relay) => relay.run(&cli.config),
        Command::Waive(waive) => waive.run(&cli.config),
        Command::Waivers(waivers) => waivers.run(&cli.config),
        Command::Unwaive(unwaive) => unwaive.run(&cli.config),
        Command::AuditLog(log) => log.run(&cli.config),
    }
}

/// With what wrong usage exits. Which command it was is read once more, past whatever is wrong with it.
fn wrong_usage() -> u8 {
    let lenient = Cli::command().ignore_errors(true).try_get_matches();
    match lenient.as_ref().ok().and_then(|matches| matches.subcommand_name()) {
        Some("audit-log") => commands::audit_log::UNREAD,
        Some("bounce") => commands::bounce::TRY_AGAIN,
        Some("drill") => commands::drill::NOT_BEGUN,
        Some("rehearse") => commands::rehearse::WRONG_USAGE,
        _ => 3,
    }
}
