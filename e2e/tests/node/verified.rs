//! The operator asks real pods who they are. It is a process of the node here, and what the node sends to its pods no policy judges: that
//! the workloads' policies let the operator's pods in, and nobody else, is `installed.rs`'s to show.

use serde_json::{Value, json};
use tenantry_e2e::objects;

use crate::stage::Stage;
use crate::team::{agent, tools};

impl Stage {
    pub async fn protocols_are_verified(&mut self) {
        let server = self.holds(&tools(), "Verified").await;
        let status = &server["status"];
        assert_eq!(status["serverInfo"]["name"], "tickets", "{status}");
        let mut names: Vec<&str> =
            status["tools"].as_array().into_iter().flatten().filter_map(|tool| tool["name"].as_str()).collect();
        names.sort_unstable();
        assert_eq!((names, &status["toolCount"]), (vec!["search", "whoami"], &json!(2)), "{status}");
        assert_eq!(objects::condition(&server, "Verified").expect("there")["reason"], "Succeeded", "{status}");

        let agent = self.holds(&agent(), "Verified").await;
        let card = &agent["status"]["card"];
        assert_eq!((&card["name"], &card["skills"]), (&json!("helper"), &json!(["ask"])), "{card}");

        // It follows what the pods say, and not what it has seen before: with `Report` a tool that is missing is told, and no more.
        let mut other = tools();
        other["spec"]["args"] = json!(["--name", "tickets", "--tools", "whoami"]);
        self.apply(&other).await;
        let found = self
            .see(&other, "misses a tool", |found| {
                let seen = objects::condition(found, "Verified").cloned().unwrap_or_default();
                seen["reason"] == "MissingTools" && seen["observedGeneration"] == found["metadata"]["generation"]
            })
            .await;
        let tool = |found: &Value| found["status"]["tools"][0]["name"].clone();
        assert_eq!((tool(&found), &found["status"]["toolCount"]), (json!("whoami"), &json!(1)), "{found}");
        self.holds(&other, "Ready").await;
        self.apply(&tools()).await;
        self.holds(&tools(), "Verified").await;
        self.took("an MCP server and an agent's card are verified, and a tool that goes is missed");
    }
}
