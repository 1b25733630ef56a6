//! Where things are: the repository and what was built in it.

use std::env;
use std::path::{Path, PathBuf};

use crate::arch::Arch;
use crate::options::Profile;

/// The repository and its target folder, both absolute.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    root: PathBuf,
    target: PathBuf,
}

impl Place {
    /// Finds both: from what `qemu-run.sh` passes, or from where this program was built.
    pub(crate) fn find() -> Self {
        let root = env::var_os("JACINTH_ROOT").map_or_else(
            || Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."),
            PathBuf::from,
        );
        let root = root.canonicalize().unwrap_or(root);
        // A relative CARGO_TARGET_DIR counts from the repository, where every cargo is started.
        let target = root.join(env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into()));
        Self { root, target }
    }

    /// The repository's top folder.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The folder where cargo builds.
    pub(crate) fn target(&self) -> &Path {
        &self.target
    }

    /// The folder for what scenarios answered; `tests/table` knows it too.
    pub(crate) fn verdicts(&self) -> PathBuf {
        self.images().join("conformance")
    }

    /// The folder for images, archives and logs, of all architectures.
    pub(crate) fn images(&self) -> PathBuf {
        self.target.join("jacinth")
    }

    /// The folder for images, archives and logs of one architecture.
    pub(crate) fn images_of(&self, arch: Arch) -> PathBuf {
        self.images().join(arch.name())
    }

    /// What cargo built for a target triple.
    pub(crate) fn built(&self, triple: &str, profile: Profile, name: &str) -> PathBuf {
        self.target.join(triple).join(profile.name()).join(name)
    }
}
