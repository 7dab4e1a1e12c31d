//! `tenantry-bridge -- COMMAND`: serves a stdio MCP server over Streamable HTTP, in both eras, so that it can be a Service.
//! `tenantry-bridge gate`: lets the consumer of a grant through to a service, to just what is granted.
//! Adds no tools of its own, forwards nothing from the server to its clients but responses, and lets no child outlive it.

mod child;
mod gate;
mod kept;
mod legacy;
mod message;
mod modern;
mod options;
mod pool;
mod serve;

use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser as _;
use tokio::signal::unix::{SignalKind, signal};

use crate::options::{Mode, Options};
use crate::pool::Pool;

#[tokio::main]
async fn main() -> ExitCode {
    let mut options = Options::parse();
    if let Some(Mode::Gate(options)) = options.mode.take() {
        return match gate::run(options, asked_to_end()).await {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => fail(&error),
        };
    }
    let options = Arc::new(options);
    if let Some(file) = &options.install {
        let copied = std::env::current_exe().and_then(|program| std::fs::copy(program, file));
        return match copied {
            Ok(_) => ExitCode::SUCCESS,
            Err(error) => fail(&format!("cannot copy itself to {}: {error}", file.display())),
        };
    }
    let listener = match tokio::net::TcpListener::bind(options.listen).await {
        Ok(listener) => listener,
        Err(error) => return fail(&format!("cannot listen on {}: {error}", options.listen)),
    };
    // So that whoever asked for any free port learns which.
    match listener.local_addr() {
        Ok(address) => eprintln!("listening on {address}{}", options.path),
        Err(error) => return fail(&format!("cannot tell where it listens: {error}")),
    }
    let pool = Arc::new(Pool::new(Arc::clone(&options)));
    let sweeper = tokio::spawn(Arc::clone(&pool).end_idle_sessions());
    let served =
        axum::serve(listener, serve::router(Arc::clone(&pool), &options)).with_graceful_shutdown(asked_to_end());
    let result = served.await;
    sweeper.abort();
    pool.end().await;
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&format!("serving failed: {error}")),
    }
}

fn fail(message: &str) -> ExitCode {
    eprintln!("error: {message}");
    ExitCode::FAILURE
}

async fn asked_to_end() {
    let (Ok(mut terminate), Ok(mut interrupt)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}
