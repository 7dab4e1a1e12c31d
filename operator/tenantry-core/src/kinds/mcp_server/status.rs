//! The McpServer's status.

use jiff::Timestamp;

use crate::conditions::{Reason, Truth, Type};
use crate::kind::Outcome;
use crate::workload;
use crate::world::World;

use super::plan;
use super::types::{McpServer, McpServerStatus, VerificationMode};

/// What the status should say.
pub(super) fn status(cr: &McpServer, world: &World, done: &Outcome, now: Timestamp) -> McpServerStatus {
    let before = cr.status.as_ref().map(|status| status.trunk.conditions.as_slice()).unwrap_or_default();
    let workload = plan::workload(cr, world);
    let draft = workload::draft(&workload, world);
    let mut judged = workload::judge(&workload, &draft, before, world, done, now);
    let mut further = Vec::new();
    if cr.spec.verification.clone().unwrap_or_default().mode != VerificationMode::Off {
        let text =
            "nobody has spoken with it: protocols are not checked yet; set spec.verification.mode: Off to do without";
        judged.conditions.set(Type::Verified, Truth::Unknown, Reason::NotProbed, text);
        further.push(Type::Verified);
    }
    let mut trunk = judged.finish(&further, "it runs; its protocol is not checked, as its spec says");
    if let Some(remote) = &cr.spec.remote {
        trunk.url = Some(remote.url.clone());
    }
    McpServerStatus { trunk }
}
