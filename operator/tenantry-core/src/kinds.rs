//! The registry: one line per kind, in reading order. Watches, CRDs, RBAC, the command line, docs and tests iterate over it.

use crate::kind::Registration;

/// Every kind Tenantry serves.
pub static KINDS: &[Registration] = &[];
