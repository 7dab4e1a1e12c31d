//! Listening until somebody asks to end, as pods must: PID 1 has no default for SIGTERM.

use std::net::SocketAddr;

use axum::Router;
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use serde_json::Value;
use tokio::signal::unix::{SignalKind, signal};

/// Serves until SIGTERM or Ctrl-C.
pub(crate) async fn serve(listen: SocketAddr, router: Router) -> Result<(), String> {
    let listener =
        tokio::net::TcpListener::bind(listen).await.map_err(|error| format!("listening on {listen}: {error}"))?;
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    println!("listening on {address}");
    let ended = async { told_to_end().await.unwrap_or_default() };
    axum::serve(listener, router).with_graceful_shutdown(ended).await.map_err(|error| error.to_string())
}

/// Until SIGTERM or Ctrl-C.
pub(crate) async fn told_to_end() -> Result<(), String> {
    let mut terminate = signal(SignalKind::terminate()).map_err(|error| error.to_string())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
    Ok(())
}

/// JSON as an answer.
pub(crate) fn json(status: u16, body: &Value) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, [(CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}
