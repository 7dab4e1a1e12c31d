//! A small model.

use crate::kind::Example;

use super::types::ModelDeployment;

/// One model.
pub(super) fn examples() -> Vec<Example<ModelDeployment>> {
    crate::kinds::example_list(&[(
        "41-modeldeployment-small",
        "A small language model that needs no accelerator. The image is any that speaks the OpenAI API; `gpu` asks for accelerators.",
        include_str!("examples/small.json"),
    )])
}
