//! The page of conditions and reasons, from the enums that the operator itself uses.

use tenantry_core::conditions::{Reason, Type};

use super::{code, table};

pub(super) fn page() -> String {
    let types = Type::ALL.map(|type_| [code(type_.name()), type_.meaning().to_owned()]);
    let reasons = Reason::ALL.map(|reason| [code(reason.name()), reason.meaning().to_owned()]);
    format!(
        "# Conditions\n\n\
         Every resource of Tenantry has the same conditions with the same meaning. Each carries the generation it was\n\
         decided for (`observedGeneration`), a reason from the second table and a message that says what to do.\n\
         `kubectl wait --for=condition=Ready` works on all of them.\n\n\
         ## Types\n\n{}\n## Reasons\n\n{}",
        table(["type", "True means"], types),
        table(["reason", "meaning"], reasons),
    )
}
