//! What lets pods of an environment call its gateway by the name that is the same everywhere, such as `http://infra-proxy`: a Service of that
//! name, and a way out to the gateway's pods. It goes by the platform's word alone, so there is nothing here that may not be known.

use crate::build::{build_service_alias, build_to_gateway};
use crate::fields::Stage;
use crate::kinds::tenantry_platform::types::Exposure;
use crate::names::{self, Place};
use crate::plan::Plan;

use super::plan::Case;
use super::suspend;
use super::types::SuspendMode;

impl Case<'_> {
    /// Wants both in an environment of this stage, but in quarantine, which closes every way out.
    pub(super) fn want_inside(&self, plan: &mut Plan, place: &Place, stage: Stage) {
        if suspend::is(self.tenant, SuspendMode::Quarantine) {
            return;
        }
        let Some(profile) = self.platform.gateway_for(stage.label(), Exposure::Internal) else { return };
        let Some(inside) = &profile.inside else { return };
        plan.want(build_to_gateway(place, &profile.data_plane(), &inside.ports));
        let names = profile.hosts.iter().filter(|host| names::is_service_name(host));
        plan.desired.extend(names.map(|name| build_service_alias(place, name, &inside.address)));
    }
}
