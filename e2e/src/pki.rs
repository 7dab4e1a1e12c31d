//! Certificates and keys of one test control plane, all ECDSA and made in milliseconds. They guard a cluster on loopback that
//! lives for minutes: nothing here is fit for another use.

use std::net::IpAddr;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};

/// A certificate or key could not be made.
#[derive(Debug, thiserror::Error)]
#[error("making the certificate of {subject}: {source}")]
pub struct PkiError {
    /// For whom.
    subject: String,
    /// What rcgen said.
    source: rcgen::Error,
}

/// A certificate with its private key, both PEM.
#[derive(Clone, Debug)]
pub struct Certificate {
    /// The certificate.
    pub certificate: String,
    /// Its private key.
    pub key: String,
}

/// A certificate authority that exists in memory and in the files of one cluster.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: Certificate,
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authority").finish_non_exhaustive()
    }
}

impl Authority {
    /// A new authority called `name`.
    pub fn new(name: &str) -> Result<Self, PkiError> {
        let failed = |source| PkiError { subject: name.to_owned(), source };
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyCertSign];
        let key = KeyPair::generate().map_err(failed)?;
        let certificate = params.self_signed(&key).map_err(failed)?;
        let pem = Certificate { certificate: certificate.pem(), key: key.serialize_pem() };
        Ok(Self { issuer: Issuer::new(params, key), pem })
    }

    /// Its own certificate and key.
    pub fn pem(&self) -> &Certificate {
        &self.pem
    }

    /// What kube-apiserver serves with: valid for loopback, its in-cluster names, and `address`.
    pub fn serving(&self, address: IpAddr) -> Result<Certificate, PkiError> {
        let mut names: Vec<String> =
            ["localhost", "127.0.0.1", "10.96.0.1", "kubernetes", "kubernetes.default", "kubernetes.default.svc"]
                .map(str::to_owned)
                .into();
        if !address.is_loopback() {
            names.push(address.to_string());
        }
        let mut params = CertificateParams::new(names)
            .map_err(|source| PkiError { subject: "kube-apiserver".to_owned(), source })?;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        self.sign("kube-apiserver", params)
    }

    /// What a server with these host names answers with.
    pub fn server(&self, names: &[&str]) -> Result<Certificate, PkiError> {
        let name = names.first().copied().unwrap_or_default();
        let all: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(all).map_err(|source| PkiError { subject: name.to_owned(), source })?;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        self.sign(name, params)
    }

    /// A client certificate: the user's name and at most one group, which is as many as rcgen can write into one subject.
    pub fn client(&self, user: &str, group: Option<&str>) -> Result<Certificate, PkiError> {
        let mut params = CertificateParams::default();
        if let Some(group) = group {
            params.distinguished_name.push(DnType::OrganizationName, group);
        }
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.sign(user, params)
    }

    fn sign(&self, name: &str, mut params: CertificateParams) -> Result<Certificate, PkiError> {
        let failed = |source| PkiError { subject: name.to_owned(), source };
        params.distinguished_name.push(DnType::CommonName, name);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        let key = KeyPair::generate().map_err(failed)?;
        let certificate = params.signed_by(&key, &self.issuer).map_err(failed)?;
        Ok(Certificate { certificate: certificate.pem(), key: key.serialize_pem() })
    }
}

/// The key pair that signs ServiceAccount tokens: (public, private), PEM.
pub fn token_keys() -> Result<(String, String), PkiError> {
    let key = KeyPair::generate()
        .map_err(|source| PkiError { subject: "the ServiceAccount token signer".to_owned(), source })?;
    Ok((key.public_key_pem(), key.serialize_pem()))
}
