//! Debian's registry on a free port, with its storage in a temporary folder; and settings that make a test quick.

use std::collections::BTreeMap;
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use estiva_shared::protocol::{RegistryLogin, Secret, TransferEvent};
use estiva_store::{
    Cancel, ProxyChoice, PullOrder, Pulled, PushOrder, Pushed, RegistryError, RegistrySettings,
    Store, Times,
};
use tempfile::TempDir;

/// A registry; it ends with this.
pub(crate) struct Registry {
    child: Child,
    port: u16,
    folder: TempDir,
}

impl Registry {
    /// A registry for all, or for those who know the password.
    pub(crate) fn start(login: Option<(&str, &str)>) -> Self {
        Self::start_with(login, false)
    }

    /// A registry over TLS, with a certificate that `ca.crt` in its folder signed.
    pub(crate) fn start_tls() -> Self {
        Self::start_with(None, true)
    }

    fn start_with(login: Option<(&str, &str)>, tls: bool) -> Self {
        // A free port may be taken by another test a moment later: the registry says so by its end.
        for _ in 0..10 {
            if let Some(registry) = Self::try_start(login, tls) {
                return registry;
            }
        }
        panic!("docker-registry does not start");
    }

    fn try_start(login: Option<(&str, &str)>, tls: bool) -> Option<Self> {
        let folder = TempDir::new().unwrap();
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let mut config = format!(
            "version: 0.1\nlog:\n  level: error\nstorage:\n  filesystem:\n    rootdirectory: {}\n  delete:\n    enabled: true\nhttp:\n  addr: 127.0.0.1:{port}\n",
            folder.path().join("data").display()
        );
        if tls {
            let folder = folder.path();
            certificates(folder);
            let (certificate, key) = (folder.join("server.crt"), folder.join("server.key"));
            config.push_str(&format!(
                "  tls:\n    certificate: {}\n    key: {}\n",
                certificate.display(),
                key.display()
            ));
        }
        if let Some((user, password)) = login {
            let line = Command::new("htpasswd")
                .args(["-Bbn", user, password])
                .output()
                .unwrap();
            let file = folder.path().join("htpasswd");
            fs::write(&file, line.stdout).unwrap();
            config.push_str(&format!(
                "auth:\n  htpasswd:\n    realm: test\n    path: {}\n",
                file.display()
            ));
        }
        let file = folder.path().join("config.yml");
        fs::write(&file, config).unwrap();
        let log = fs::File::create(folder.path().join("log")).unwrap();
        let mut child = Command::new("docker-registry")
            .args(["serve".as_ref(), file.as_os_str()])
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        let until = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            if child.try_wait().unwrap().is_some() || Instant::now() > until {
                let _ = child.kill();
                let _ = child.wait();
                return None;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        // Whoever answers has to be this one.
        child.try_wait().unwrap().is_none().then_some(Self {
            child,
            port,
            folder,
        })
    }

    /// `127.0.0.1:PORT`.
    pub(crate) fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The certificate that signed its own.
    pub(crate) fn ca(&self) -> std::path::PathBuf {
        self.folder.path().join("ca.crt")
    }

    /// Whether its storage has a file whose path holds this.
    pub(crate) fn keeps(&self, part: &str) -> bool {
        let found = Command::new("find")
            .arg(self.folder.path().join("data"))
            .output()
            .unwrap();
        String::from_utf8_lossy(&found.stdout).contains(part)
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A certificate authority of a test's own, and a certificate of it for 127.0.0.1.
fn certificates(folder: &Path) {
    let openssl = |words: &str| {
        let ended = Command::new("openssl")
            .args(words.split(' '))
            .current_dir(folder)
            .output()
            .unwrap();
        assert!(ended.status.success(), "{words}: {ended:?}");
    };
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";
    openssl(&format!(
        "req -x509 {key} -keyout ca.key -out ca.crt -days 2 -subj /CN=test-authority"
    ));
    openssl(&format!(
        "req {key} -keyout server.key -out server.csr -subj /CN=test-registry -addext subjectAltName=IP:127.0.0.1"
    ));
    openssl(
        "x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -out server.crt -days 2 -copy_extensions copy",
    );
}

/// Short times, and no proxy of the environment's.
pub(crate) fn settings() -> RegistrySettings {
    RegistrySettings {
        registries: BTreeMap::new(),
        certificate_folders: Vec::new(),
        proxy: ProxyChoice::Direct,
        chunk_bytes: 400_000,
        times: Times {
            silence_max: Duration::from_millis(400),
            document: Duration::from_secs(2),
            slow_window: Duration::from_millis(300),
            slow_bytes: 1 << 10,
            retry_first: Duration::from_millis(10),
            tries_max: 4,
            retry_after_max: Duration::from_secs(2),
            ..Times::default()
        },
    }
}

/// Patience for real programs on a busy host.
pub(crate) fn patient() -> RegistrySettings {
    RegistrySettings {
        times: Times::default(),
        ..settings()
    }
}

pub(crate) fn login(user: &str, password: &str) -> RegistryLogin {
    RegistryLogin::Password {
        username: user.to_owned(),
        password: Secret::new(password),
    }
}

/// What happened in a transfer, and how it went.
pub(crate) struct Went<T> {
    pub(crate) events: Vec<TransferEvent>,
    pub(crate) result: Result<T, RegistryError>,
}

impl<T: std::fmt::Debug> Went<T> {
    pub(crate) fn well(self) -> T {
        match self.result {
            Ok(value) => value,
            Err(error) => panic!("{error}: {:?}", self.events),
        }
    }

    pub(crate) fn error(&self) -> String {
        self.result.as_ref().unwrap_err().to_string()
    }

    pub(crate) fn retries(&self) -> usize {
        let is_retry = |event: &&TransferEvent| matches!(event, TransferEvent::Retrying { .. });
        self.events.iter().filter(is_retry).count()
    }
}

pub(crate) fn pull_with(
    store: &Store,
    settings: &RegistrySettings,
    name: &str,
    login: Option<RegistryLogin>,
) -> Went<Pulled> {
    let order = PullOrder {
        reference: name.parse().unwrap(),
        platform: None,
        login,
    };
    let mut events = Vec::new();
    let result = store.pull(settings, &order, &Cancel::never(), &mut |event| {
        events.push(event);
    });
    Went { events, result }
}

pub(crate) fn pull(store: &Store, name: &str) -> Went<Pulled> {
    pull_with(store, &settings(), name, None)
}

pub(crate) fn push_with(
    store: &Store,
    settings: &RegistrySettings,
    name: &str,
    login: Option<RegistryLogin>,
) -> Went<Pushed> {
    let order = PushOrder {
        reference: name.parse().unwrap(),
        login,
    };
    let mut events = Vec::new();
    let result = store.push(settings, &order, &Cancel::never(), &mut |event| {
        events.push(event);
    });
    Went { events, result }
}

/// Nothing of a failed pull stays: no image, no name, no blob, no file on its way.
pub(crate) fn assert_empty(store: &Store) {
    assert!(store.images().unwrap().is_empty());
    for folder in ["ingest", "blobs/sha256", "snapshots"] {
        let left: Vec<_> = fs::read_dir(store.root().join(folder))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        assert!(left.is_empty(), "{left:?}");
    }
}

/// Runs a program with its files in `scratch`, which must end well.
pub(crate) fn run(scratch: &Path, program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program)
        .args(arguments)
        .env("TMPDIR", scratch)
        .env("HOME", scratch)
        .env("XDG_RUNTIME_DIR", scratch)
        .env("NO_PROXY", "127.0.0.1")
        .env("no_proxy", "127.0.0.1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {said}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}
