//! The files of one control plane: certificates, kubeconfigs, logs, the store's data. It removes them when the owner is gone, however that
//! ended; it never touches a folder that is not one of these.

use std::fs::{self, File};
use std::io;

use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;

use crate::components::Component;
use crate::kubeconfig::{self, KubeconfigFileError};
use crate::options::Options;
use crate::pki::{Authority, Certificate, PkiError, token_keys};

const PREFIX: &str = "tenantry-cluster-";
const LOGS_PREFIX: &str = "tenantry-logs-";
/// Marks logs that somebody may want to read.
const KEEP: &str = "keep";
const KEPT_FOR: Duration = Duration::from_hours(24);
const AUDIT_POLICY: &str =
    "apiVersion: audit.k8s.io/v1\nkind: Policy\nomitStages: [RequestReceived]\nrules: [{level: Metadata}]\n";

/// Why the files could not be written.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// The system did not let us.
    #[error("preparing a control plane: {doing}: {source}")]
    Files {
        /// What was tried.
        doing: String,
        /// What the system said.
        source: io::Error,
    },
    /// The certificates could not be made.
    #[error(transparent)]
    Pki(#[from] PkiError),
    /// The kubeconfigs could not be written.
    #[error(transparent)]
    Kubeconfig(#[from] KubeconfigFileError),
}

/// The folder of one control plane and, beside it, the one of its logs. Both go when this is dropped, the logs only if nobody asked to
/// keep them.
#[derive(Debug)]
pub struct Folder {
    data: TempDir,
    logs: PathBuf,
    // Held for as long as we live: whoever finds it free may remove the folder.
    _owner: File,
}

impl Folder {
    /// Makes both folders, after removing what killed processes left behind.
    pub fn create() -> Result<Self, FolderError> {
        sweep();
        let failed = |doing: &str| {
            let doing = doing.to_owned();
            move |source| FolderError::Files { doing, source }
        };
        let data = tempfile::Builder::new().prefix(PREFIX).tempdir().map_err(failed("making a temporary folder"))?;
        let owner = File::create(data.path().join("owner.lock")).map_err(failed("creating owner.lock"))?;
        owner.lock().map_err(failed("locking owner.lock"))?;
        let logs = logs_of(data.path());
        for folder in [&data.path().join("pki"), &logs] {
            fs::create_dir(folder).map_err(failed(&format!("creating {}", folder.display())))?;
        }
        Ok(Self { data, logs, _owner: owner })
    }

    /// Writes what the processes read at their start.
    pub fn fill(&self, authority: &Authority, options: &Options, server: &str) -> Result<(), FolderError> {
        let front_proxy = Authority::new("tenantry-test-front-proxy-ca")?;
        let (tokens_public, tokens_private) = token_keys()?;
        self.write_certificate("ca", authority.pem())?;
        self.write_certificate("serving", &authority.serving(options.address)?)?;
        self.write_certificate("front-proxy-ca", front_proxy.pem())?;
        self.write_certificate("front-proxy", &front_proxy.client("front-proxy", None)?)?;
        self.write_certificate(
            "kubelet-client",
            &authority.client("tenantry-test-api-server", Some("system:masters"))?,
        )?;
        self.write("pki/tokens.pub", &tokens_public)?;
        self.write("pki/tokens.key", &tokens_private)?;
        self.write("audit-policy.yaml", options.audit_policy.as_deref().unwrap_or(AUDIT_POLICY))?;
        for (file, user, group) in [
            ("admin", "tenantry-test-admin", Some("system:masters")),
            (Component::ControllerManager.name(), "system:kube-controller-manager", None),
            (Component::Scheduler.name(), "system:kube-scheduler", None),
            (Component::FakeNodes.name(), "tenantry-fake-nodes", Some("system:masters")),
        ] {
            let path = self.path().join(format!("{file}.kubeconfig"));
            kubeconfig::write(&path, server, &authority.pem().certificate, &authority.client(user, group)?)?;
        }
        Ok(())
    }

    /// Everything but the logs.
    pub fn path(&self) -> &Path {
        self.data.path()
    }

    /// The log files.
    pub fn logs(&self) -> &Path {
        &self.logs
    }

    /// Leaves the logs where they are for a day, and says where that is.
    pub fn keep_logs(&self) {
        keep_logs(&self.logs);
    }

    fn write_certificate(&self, name: &str, certificate: &Certificate) -> Result<(), FolderError> {
        self.write(&format!("pki/{name}.crt"), &certificate.certificate)?;
        self.write(&format!("pki/{name}.key"), &certificate.key)
    }

    fn write(&self, name: &str, text: &str) -> Result<(), FolderError> {
        // The folder itself is closed to others, so its files need not be.
        fs::write(self.path().join(name), text)
            .map_err(|source| FolderError::Files { doing: format!("writing {name}"), source })
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if !self.logs.join(KEEP).exists() {
            // What is left here goes with a later sweep.
            let _ = fs::remove_dir_all(&self.logs);
        }
    }
}

/// As [`Folder::keep_logs`], for a panic hook, which has only the path.
pub(crate) fn keep_logs(logs: &Path) {
    match File::create_new(logs.join(KEEP)) {
        Ok(_) => eprintln!("the logs of the test control plane are in {}", logs.display()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => eprintln!("the logs of the test control plane could not be kept: {error}"),
    }
}

fn logs_of(data: &Path) -> PathBuf {
    let name = data.file_name().unwrap_or_default().to_string_lossy();
    data.with_file_name(format!("{LOGS_PREFIX}{}", name.trim_start_matches(PREFIX)))
}

/// Removes what killed processes left behind: folders of which nobody holds the lock any more, and logs kept for a day.
fn sweep() {
    let Ok(entries) = fs::read_dir(std::env::temp_dir()) else { return };
    for path in entries.flatten().map(|entry| entry.path()) {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        // Another sweeper may be faster, so failures to remove are none.
        if name.starts_with(PREFIX) && File::open(path.join("owner.lock")).is_ok_and(|lock| lock.try_lock().is_ok()) {
            let logs = logs_of(&path);
            if !logs.join(KEEP).exists() {
                let _ = fs::remove_dir_all(logs);
            }
            let _ = fs::remove_dir_all(&path);
        } else if name.starts_with(LOGS_PREFIX) && is_older_than(&path.join(KEEP), KEPT_FOR) {
            let _ = fs::remove_dir_all(&path);
        }
    }
}

fn is_older_than(path: &Path, age: Duration) -> bool {
    let modified = fs::metadata(path).and_then(|data| data.modified());
    modified.ok().and_then(|time| time.elapsed().ok()).is_some_and(|passed| passed > age)
}
