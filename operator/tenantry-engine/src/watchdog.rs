//! Notices that the server's history went backwards: after a restore from a backup a watch from a version that does not
//! exist yet is accepted and silent for ever. One small list a minute tells.

use std::sync::Arc;
use std::time::Duration;

use tenantry_core::resources::NAMESPACE;
use tokio::time::sleep;

use crate::engine::Engine;

/// Pause between looks.
pub const INTERVAL: Duration = Duration::from_mins(1);

/// Returns when the server's newest version is older than one we have seen: all caches are then worthless.
pub async fn run(engine: &Arc<Engine>) {
    loop {
        sleep(INTERVAL).await;
        // Ours first: the server's can only have grown since.
        let ours = engine.store().newest();
        match engine.calls.newest_version(&NAMESPACE).await {
            Ok(theirs) if theirs < ours => {
                tracing::error!(
                    ours,
                    theirs,
                    "the server's history went backwards (a restored backup?); starting afresh"
                );
                engine.metrics.rollbacks.inc();
                return;
            }
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "the rollback watchdog got no answer"),
        }
    }
}
