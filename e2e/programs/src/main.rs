//! Programs that run in the pods of tests: small, static, and truthful about what they were asked. They are no part of the product.

mod agent;
mod ask;
mod echo;
mod load;
mod mcp_server;
mod model;
mod once;
mod serve;

use std::process::ExitCode;

use clap::Parser;

/// Programs for the pods of tests.
#[derive(Parser)]
enum Program {
    Agent(agent::Arguments),
    McpServer(mcp_server::Arguments),
    Model(model::Arguments),
    Load(load::Arguments),
    Ask(once::Arguments),
    Echo(echo::Arguments),
    /// Ends at once, as what is broken does, and says why.
    Fail,
    /// Holds a pod's namespaces until it is told to end.
    Pause,
}

#[tokio::main]
async fn main() -> ExitCode {
    let ended = match Program::parse() {
        Program::Agent(arguments) => agent::run(arguments).await,
        Program::McpServer(arguments) => mcp_server::run(arguments).await,
        Program::Model(arguments) => model::run(arguments).await,
        Program::Load(arguments) => load::run(arguments).await,
        Program::Ask(arguments) => once::run(arguments).await,
        Program::Echo(arguments) => echo::run(arguments).await,
        Program::Fail => Err("the database cannot be opened".to_owned()),
        Program::Pause => serve::told_to_end().await,
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
