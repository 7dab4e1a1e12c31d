//! Asks one URL once, and says what was answered, as JSON on stdout. That there is no answer is one, too.

use std::time::Duration;

use http::Method;
use serde_json::json;
use tokio::time::timeout;

use crate::ask::ask;

/// Asks one URL once.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// What to ask.
    url: String,
    /// How many milliseconds to wait for the answer.
    #[arg(long, default_value = "5000")]
    patience: u64,
}

pub(crate) async fn run(arguments: Arguments) -> Result<(), String> {
    let asked = ask(Method::GET, &arguments.url, &[], None);
    let said = match timeout(Duration::from_millis(arguments.patience), asked).await {
        Ok(Ok((status, body))) => json!({ "status": status, "body": body }),
        Ok(Err(error)) => json!({ "error": error }),
        Err(_) => json!({ "error": "no answer in time" }),
    };
    println!("{said}");
    Ok(())
}
