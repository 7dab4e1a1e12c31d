//! The `e2e` command: what needs a control plane but is no test. One file per subcommand in `commands/`; it decides nothing itself.

mod bench;
mod commands;
mod demo;
mod terminal;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Runs things that need a Kubernetes control plane.
#[derive(Parser)]
#[command(name = "e2e")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Bench(commands::bench::Arguments),
    BridgeImage(commands::bridge_image::Arguments),
    Cluster(commands::cluster::Arguments),
    Demo(commands::demo::Arguments),
    Tools(commands::tools::Arguments),
}

#[tokio::main]
async fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Bench(arguments) => commands::bench::run(arguments).await,
        Command::BridgeImage(arguments) => commands::bridge_image::run(&arguments),
        Command::Cluster(arguments) => commands::cluster::run(arguments).await,
        Command::Demo(arguments) => commands::demo::run(arguments).await,
        Command::Tools(arguments) => commands::tools::run(&arguments),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
