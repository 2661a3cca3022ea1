//! A store, a builder and a context folder for one test; all of it goes with the test.

use std::fs;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use estiva_build::{Builder, Built, CancelFlag, Context};
use estiva_network::Network;
use estiva_runtime::RuntimeBinary;
use estiva_shared::protocol::{BuildContext, BuildEvent, BuildFailure, BuildRequest, NetworkMode};
use estiva_store::{ImageRecord, Prepared, Store, Upper};

/// Debian's static busybox: the base of all that runs something.
const BUSYBOX: &str = "/usr/bin/busybox";

/// One test's world.
pub(crate) struct World {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) store: Arc<Store>,
    pub(crate) builder: Builder,
    pub(crate) name: String,
}

/// What a build gave, with all that it told.
pub(crate) struct Outcome {
    pub(crate) result: Result<Built, BuildFailure>,
    pub(crate) events: Vec<BuildEvent>,
}

impl World {
    /// A new world, or `None` with a reason printed.
    pub(crate) fn new(test: &str) -> Option<Self> {
        let skip = |reason: &str| {
            eprintln!("SKIP {test}: {reason}");
            None
        };
        if !rustix::process::geteuid().is_root() {
            return skip("needs root");
        }
        let Some(runtime) = runtime() else {
            return skip("estiva-runtime is not built (or set ESTIVA_RUNTIME_BIN)");
        };
        if !Path::new(BUSYBOX).exists() {
            return skip("needs the package busybox-static");
        }
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(Store::open(&folder.path().join("root")).unwrap());
        store.base_busybox(Path::new(BUSYBOX)).unwrap();
        fs::create_dir(folder.path().join("context")).unwrap();
        let name = format!("test-{}-{test}", std::process::id()).replace('_', "-");
        let name = name.chars().take(60).collect::<String>();
        let builder = Builder::new(Arc::clone(&store), runtime, network(&name), name.clone());
        Some(Self {
            folder,
            store,
            builder,
            name,
        })
    }

    /// A path in the context.
    pub(crate) fn context(&self, path: &str) -> PathBuf {
        self.folder.path().join("context").join(path)
    }

    /// Writes a file of the context, and the folders above it.
    pub(crate) fn write(&self, path: &str, content: &str) {
        let path = self.context(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// A request for the image `test:latest`.
    pub(crate) fn request(dockerfile: &str) -> BuildRequest {
        BuildRequest {
            context: BuildContext::Empty,
            dockerfile_text: Some(dockerfile.to_owned()),
            dockerfile_path: None,
            dockerfile_origin: None,
            tags: vec!["test".to_owned()],
            build_args: Vec::new(),
            target: None,
            no_cache: false,
            network: NetworkMode::None,
            pull: false,
            credentials: Vec::new(),
            trust_host_ca: false,
        }
    }

    /// Builds it.
    pub(crate) fn build(&self, dockerfile: &str) -> Outcome {
        self.build_request(&Self::request(dockerfile))
    }

    /// Builds a request from the context folder.
    pub(crate) fn build_request(&self, request: &BuildRequest) -> Outcome {
        self.build_from(
            request,
            &self.context(""),
            &CancelFlag::new().unwrap(),
            &mut |_| {},
        )
    }

    /// Builds a request from any folder.
    pub(crate) fn build_from(
        &self,
        request: &BuildRequest,
        context: &Path,
        cancel: &CancelFlag,
        watch: &mut dyn FnMut(&BuildEvent),
    ) -> Outcome {
        let context = Context::Folder(fs::File::open(context).unwrap().into());
        let mut events = Vec::new();
        let mut tell = |event: BuildEvent| {
            watch(&event);
            events.push(event);
        };
        let result = self.builder.build(request, context, &mut tell, cancel);
        Outcome { result, events }
    }

    /// The image's files.
    pub(crate) fn files(&self, image: &str) -> Files<'_> {
        Files::new(&self.store, &self.store.resolve(image).unwrap())
    }

    /// Builds, and gives the image's files.
    pub(crate) fn built(&self, dockerfile: &str) -> Files<'_> {
        let outcome = self.build(dockerfile);
        outcome
            .result
            .unwrap_or_else(|failure| panic!("{failure:?}\n{:?}", outcome.events));
        self.files("test")
    }

    /// The paths in the last layer of the image that was built.
    pub(crate) fn last_layer(&self) -> Vec<String> {
        let image = self.store.resolve("test").unwrap();
        let analysis = self.store.analysis(&image).unwrap();
        let layer = analysis.image.layers.last().unwrap();
        let paths = layer.entries.iter();
        paths.map(|entry| entry.path.as_str().to_owned()).collect()
    }

    /// The failure of a build that must fail.
    pub(crate) fn refused(&self, dockerfile: &str) -> BuildFailure {
        self.build(dockerfile).result.expect_err(dockerfile)
    }

    /// What a build that ended must not have left: cgroups, folders of builds and of snapshots that are no layer's.
    pub(crate) fn assert_clean(&self) {
        let root = self.store.root();
        let builds = fs::read_dir(root.join("builds"))
            .map(Iterator::count)
            .unwrap_or(0);
        assert_eq!(builds, 0, "folders of builds");
        let snapshots = fs::read_dir(root.join("snapshots")).unwrap().count();
        let mut layers = 0;
        for entry in fs::read_dir(root.join("snapshots")).unwrap() {
            layers += usize::from(entry.unwrap().path().join("fs").exists());
        }
        assert_eq!(snapshots, layers, "snapshots");
        for line in fs::read_to_string("/proc/self/mountinfo").unwrap().lines() {
            let mount = line.split(' ').nth(4).unwrap();
            assert!(
                !mount.starts_with(root.to_str().unwrap()),
                "mounted: {mount}"
            );
            let cgroup = Path::new(mount).join(format!("estiva-{}", self.name));
            assert!(
                !mount.contains("cgroup") || !cgroup.exists(),
                "{}",
                cgroup.display()
            );
        }
    }
}

impl Outcome {
    /// All that the steps printed.
    pub(crate) fn output(&self) -> String {
        let texts = self.events.iter().filter_map(|event| match event {
            BuildEvent::Output { text, .. } => Some(text.as_str()),
            _ => None,
        });
        texts.collect()
    }

    /// Which steps came from the cache.
    pub(crate) fn cached(&self) -> Vec<bool> {
        let cached = self.events.iter().filter_map(|event| match event {
            BuildEvent::Finished { cached, .. } => Some(*cached),
            _ => None,
        });
        cached.collect()
    }
}

/// The files of an image, for reading: a mount that nobody else sees.
pub(crate) struct Files<'a> {
    store: &'a Store,
    root: Option<OwnedFd>,
    prepared: Option<Prepared>,
    pub(crate) image: ImageRecord,
}

impl<'a> Files<'a> {
    fn new(store: &'a Store, image: &ImageRecord) -> Self {
        let lowers = store.lowers(&image.diff_ids).unwrap();
        let prepared = store.prepare(&image.diff_ids).unwrap();
        let upper = Upper {
            upper: &prepared.upper,
            work: &prepared.work,
        };
        let root = store.mount_detached(&lowers, Some(upper)).unwrap();
        Self {
            store,
            root: Some(root),
            prepared: Some(prepared),
            image: image.clone(),
        }
    }

    /// A path of the image as the host can open it.
    pub(crate) fn path(&self, path: &str) -> PathBuf {
        let root = self.root.as_ref().unwrap().as_raw_fd();
        Path::new(&format!("/proc/self/fd/{root}")).join(path.trim_start_matches('/'))
    }

    /// A file's text.
    pub(crate) fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// Whether something is there, be it a broken link.
    pub(crate) fn exists(&self, path: &str) -> bool {
        fs::symlink_metadata(self.path(path)).is_ok()
    }

    /// Permission bits, user and group.
    pub(crate) fn mode_and_owner(&self, path: &str) -> (u32, u32, u32) {
        let found = fs::symlink_metadata(self.path(path)).unwrap();
        (found.mode() & 0o7777, found.uid(), found.gid())
    }

    /// The names in a folder, sorted.
    pub(crate) fn names(&self, path: &str) -> Vec<String> {
        let entries = fs::read_dir(self.path(path)).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }
}

impl Drop for Files<'_> {
    fn drop(&mut self) {
        drop(self.root.take());
        if let Some(prepared) = self.prepared.take() {
            let _ = self.store.discard(prepared);
        }
    }
}

/// The network of a world; nothing is made before a step asks for it.
pub(crate) fn network(name: &str) -> Arc<Network> {
    Arc::new(Network::new(name))
}

/// The program: where the variable says, or beside the folder of this test's program, where cargo puts it.
pub(crate) fn runtime() -> Option<RuntimeBinary> {
    let path = std::env::var_os("ESTIVA_RUNTIME_BIN")
        .map(PathBuf::from)
        .or_else(|| {
            let test = std::env::current_exe().ok()?;
            Some(test.parent()?.parent()?.join("estiva-runtime"))
        })?;
    path.exists().then(|| RuntimeBinary::at(&path).unwrap())
}
