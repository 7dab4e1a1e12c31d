//! `cargo xtask`: the menu of the repository. It runs cargo and the programs of this workspace; what they do is theirs.

mod cargo;
mod check;
mod deny;
mod new_kind;
mod report;
mod test;
mod test_output;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::cargo::cargo;
use crate::report::Report;

/// Everything one does in this repository.
#[derive(Parser)]
#[command(name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Watch tenants being onboarded on a real control plane (options: `cargo xtask demo --help`)
    #[command(disable_help_flag = true)]
    Demo(PassedOn),
    /// All that CI runs; ends with `N passed, N failed, N skipped`
    Test,
    /// fmt, clippy, doc, drift and deny: what to run before each commit
    Check,
    /// Write crds/, examples/, chart and reference docs anew from the types
    Generate,
    /// Make the folder of a new kind and its line in the registry
    NewKind {
        /// Its name, such as McpServer
        kind: String,
        /// Objects of the kind belong to no namespace
        #[arg(long)]
        cluster_scoped: bool,
    },
    /// Start a Kubernetes control plane and keep it until Ctrl-C (options: `cargo xtask cluster --help`)
    #[command(disable_help_flag = true)]
    Cluster(PassedOn),
    /// Build the programs that run in pods, static and in release form: the stdio bridge, and what runs in the pods of tests
    PodPrograms,
    /// Write the image of the stdio bridge as a docker archive, which `docker load`, `podman load` and `ctr images import` take
    BridgeImage {
        /// Name of the image
        #[arg(long, default_value = "registry.example/platform/tenantry-bridge:latest")]
        tag: String,
        /// Where to write it
        #[arg(long, value_name = "FILE", default_value = "tenantry-bridge.tar")]
        output: PathBuf,
    },
    /// The simulation tests alone, with as many seeds as you like
    Sim {
        /// How many seeds to try
        #[arg(long, env = "SEEDS", default_value_t = 10)]
        seeds: u32,
    },
    /// Seed known bugs into the operator, one at a time, and see that a test catches each (about a minute for each)
    Mutants {
        /// Parts of their names; none means all
        names: Vec<String>,
    },
    /// Measure against the bare-client floors (options: `cargo xtask bench --help`)
    #[command(disable_help_flag = true)]
    Bench(PassedOn),
    /// The tests on a real API server alone; `isolation` is the suite that tries to get across tenants, `isolation-holes` shows
    /// that it finds what is wrong; `node` runs pods on this machine (Linux, root); `gateway` is what needs a real gateway (Linux)
    E2e {
        /// Use the current context of this kubeconfig instead of starting a control plane
        #[arg(long, value_name = "FILE")]
        kubeconfig: Option<PathBuf>,
        /// Where `isolation` writes each request, the expected and the actual answer
        #[arg(long, value_name = "FILE")]
        json: Option<PathBuf>,
        /// Parts of test names; none means all
        names: Vec<String>,
    },
}

#[derive(clap::Args)]
struct PassedOn {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
}

/// One test of the isolation suite, with all that it prints.
fn isolation(test: &str) -> cargo::Cargo {
    cargo(["test", "--package", "tenantry-e2e", "--test", "isolation", "--", "--nocapture", test])
}

/// Absolute, as tests run in their crate's folder.
fn json_file(given: Option<PathBuf>) -> PathBuf {
    let path = given.unwrap_or_else(|| cargo::target_folder().join("isolation.json"));
    std::path::absolute(&path).unwrap_or(path)
}

/// Builds what a node lacks, then runs pods on it.
fn node() -> Option<cargo::Cargo> {
    // Of all packages, so that dependencies are those that `cargo xtask test` has built.
    let command = cargo(["test", "--workspace", "--test", "node", "--", "--nocapture", "--test-threads=1"]);
    // Elsewhere the tests themselves say why they cannot run.
    if !cfg!(target_os = "linux") {
        return Some(command);
    }
    let programs = build_pod_programs(&["tenantry"])?;
    Some(command.env("TENANTRY_E2E_NODE", "1").env("TENANTRY_POD_PROGRAMS", programs.join("programs")))
}

fn pod_programs() -> ExitCode {
    let Some(folder) = build_pod_programs(&[]) else { return ExitCode::FAILURE };
    for program in ["tenantry-bridge", "programs"] {
        println!("{}", folder.join(program).display());
    }
    ExitCode::SUCCESS
}

/// Into `target/pods`, so that neither linking undoes what the other has built. `also` are packages that run in pods now and then.
fn build_pod_programs(also: &[&str]) -> Option<PathBuf> {
    let folder = cargo::target_folder().join("pods");
    // With a target named, macros and build scripts are not linked that way, which they could not be.
    let arguments =
        ["build", "--release", "--target", HOST, "--package", "tenantry-bridge", "--package", "tenantry-programs"];
    let mut command = cargo(arguments)
        .args(also.iter().flat_map(|package| ["--package", package]))
        .env("RUSTFLAGS", "-C target-feature=+crt-static")
        .env("CARGO_TARGET_DIR", &folder);
    match command.0.status() {
        Ok(status) if status.success() => Some(folder.join(HOST).join("release")),
        Ok(_) => None,
        Err(error) => {
            eprintln!("error: starting cargo: {error}");
            None
        }
    }
}

/// Static with the C library of the machine; what else rustup has, such as musl, does as well.
const HOST: &str = if cfg!(target_arch = "aarch64") { "aarch64-unknown-linux-gnu" } else { "x86_64-unknown-linux-gnu" };

fn main() -> ExitCode {
    match Arguments::parse().task {
        Task::Demo(passed) => {
            let mut command = cargo(["run", "--quiet", "--package", "tenantry-e2e", "--", "demo"]);
            if passed.arguments.iter().any(|argument| argument == "--node") && cfg!(target_os = "linux") {
                let Some(programs) = build_pod_programs(&[]) else { return ExitCode::FAILURE };
                command = command.env("TENANTRY_POD_PROGRAMS", programs.join("programs"));
            }
            command.args(passed.arguments).become_it()
        }
        Task::Cluster(passed) => {
            cargo(["run", "--quiet", "--package", "tenantry-e2e", "--", "cluster"]).args(passed.arguments).become_it()
        }
        // What is measured must be built as it is shipped.
        Task::Bench(passed) => {
            cargo(["run", "--release", "--package", "tenantry-e2e", "--", "bench"]).args(passed.arguments).become_it()
        }
        Task::Generate => cargo(["test", "--quiet", "--package", "tenantry", "--test", "generated"])
            .env("UPDATE_GENERATED", "1")
            .become_it(),
        Task::NewKind { kind, cluster_scoped } => match new_kind::run(&kind, cluster_scoped) {
            Ok(folder) => {
                println!("made {} and its line in kinds.rs", folder.display());
                println!(
                    "next: types.rs, plan.rs, `cargo xtask generate`, `cargo xtask check` (ARCHITECTURE.md, \"Adding a kind\")"
                );
                ExitCode::SUCCESS
            }
            Err(error) => {
                eprintln!("error: {error}");
                ExitCode::FAILURE
            }
        },
        Task::PodPrograms => pod_programs(),
        Task::BridgeImage { tag, output } => {
            let Some(folder) = build_pod_programs(&[]) else { return ExitCode::FAILURE };
            let command = cargo(["run", "--quiet", "--package", "tenantry-e2e", "--", "bridge-image", "--tag", &tag]);
            let program = folder.join("tenantry-bridge");
            command.args(["--program".into(), program.into(), "--output".into(), OsString::from(output)]).become_it()
        }
        Task::Sim { seeds } => cargo(["test", "--package", "tenantry-testkit", "--test", "simulation"])
            .env("SEEDS", seeds.to_string())
            .become_it(),
        Task::Mutants { names } => {
            let script = cargo::root().join("operator/tenantry-testkit/mutations/run.sh");
            cargo::Cargo(std::process::Command::new(script)).args(names).become_it()
        }
        Task::E2e { kubeconfig, json, names } => {
            let mut command = match names.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
                ["isolation"] => isolation("isolation_holds").env("TENANTRY_ISOLATION_JSON", json_file(json)),
                ["isolation-holes"] => isolation("every_hole"),
                // Of all packages, so that dependencies are those that `cargo xtask test` has built.
                ["gateway"] => cargo(["test", "--workspace", "--test", "gateway", "--", "--nocapture"]),
                ["node"] => match node() {
                    Some(command) => command,
                    None => return ExitCode::FAILURE,
                },
                _ => cargo(["test", "--package", "tenantry-e2e", "--no-fail-fast", "--tests", "--"]).args(names),
            };
            if let Some(path) = kubeconfig {
                // The tests run in the crate's folder, not here.
                command = command.env("TENANTRY_E2E_KUBECONFIG", std::path::absolute(&path).unwrap_or(path));
            }
            command.become_it()
        }
        Task::Check => {
            let mut report = Report::default();
            check::run(&mut report);
            check::drift(&mut report);
            deny::run(&mut report);
            report.close()
        }
        Task::Test => {
            let mut report = Report::default();
            check::run(&mut report);
            test::run(&mut report);
            deny::run(&mut report);
            report.close()
        }
    }
}
